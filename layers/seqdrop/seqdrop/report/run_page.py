"""Render a run as pages: HTML files that load nothing and run no script. docs/run-page.md describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqdrop.report.cells import make_facts, make_section, make_time, plural
from seqdrop.report.markup import document, node
from seqdrop.report.numbers import count, short
from seqdrop.report.page import make_head
from seqdrop.report.run_advice import advise
from seqdrop.report.run_samples import make_samples, sampled_part
from seqdrop.report.run_sections import (
    make_cost,
    make_lineage,
    make_parts,
    make_predictions,
    make_proofs,
    make_rejected,
    make_state,
    make_undetermined,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from seqdrop.report.markup import Child

ON_A_PAGE = 384  # samples
LOOKS = {"pass": "valid", "warn": "warned", "fail": "invalid", "": "growing"}
FOOTER = (
    "A sample has the worst verdict of its reasons; the thresholds are those of [analyses.NAME.verdict] in "
    "analyses.toml when the files were complete. Times are UTC. The same for programs: run.json and samples.tsv beside "
    "this page."
)


def page_name(number: int) -> str:
    """Return the name of a page of a run: run.html, run-2.html and so on."""
    return "run.html" if number == 1 else f"run-{number}.html"


def render_run(report: Mapping[str, Any]) -> list[str]:
    """Return the pages of a run from its run.json: one for each ON_A_PAGE samples, and at least one.

    The first has everything but the further samples, which are on the others.
    """
    part = sampled_part(report)
    samples = part["samples"] if part else []
    chunks = [samples[start : start + ON_A_PAGE] for start in range(0, len(samples), ON_A_PAGE)] or [[]]
    first = _render(report, [*_make_first(report, part, chunks)], _make_header(report, part))
    further = [
        _render(report, [_make_sample_section(report, part, chunks, number)], _make_short_header(report, number))
        for number in range(2, len(chunks) + 1)
        if part
    ]
    return [first, *further]


def run_name(report: Mapping[str, Any]) -> str:
    """Return the name of the run's folder."""
    name: str = report["folder"].rstrip("/").rpartition("/")[2]
    return name


def _render(report: Mapping[str, Any], sections: Sequence[Element], header: Element) -> str:
    main = node("main", header, *sections, node("footer", node("p", FOOTER)))
    return document(node("html", make_head(f"Run {run_name(report)}", "run.css"), node("body", main), lang="en"))


def _make_first(
    report: Mapping[str, Any], part: Mapping[str, Any] | None, chunks: Sequence[Sequence[Mapping[str, Any]]]
) -> Iterator[Element]:
    yield make_section("What to do next", _make_advice(advise(report, part)))
    if part:
        yield _make_sample_section(report, part, chunks, 1)
    sections = (
        make_undetermined(part, report.get("thresholds", {})) if part else None,
        *make_predictions(report, part),
        make_rejected(report),
        make_state(report),
        make_proofs(report),
        make_cost(report),
        make_lineage(report),
        make_parts(report),
    )
    yield from (section for section in sections if section is not None)


def _make_sample_section(
    report: Mapping[str, Any], part: Mapping[str, Any], chunks: Sequence[Sequence[Mapping[str, Any]]], number: int
) -> Element:
    title = "Samples" if len(chunks) == 1 else f"Samples, page {number} of {len(chunks)}"
    return make_section(title, _make_pager(len(chunks), number), make_samples(report, part, chunks[number - 1]))


def _make_pager(pages: int, current: int) -> Element | None:
    if pages == 1:
        return None
    links: Iterator[Child] = (
        node("strong", f"page {number}", aria_current="page")
        if number == current
        else node("a", f"page {number}", href=page_name(number))
        for number in range(1, pages + 1)
    )
    return node("nav", *links, class_="pager", aria_label="Pages of samples")


def _make_advice(sentences: Sequence[str]) -> Element:
    items = (node("li", *_with_code(sentence)) for sentence in sentences)
    return node("div", node("ol", *items, class_="todo"), class_="card")


def _with_code(text: str) -> Iterator[Child]:
    """Yield the parts of a text; what is between backticks is a command."""
    for index, part in enumerate(text.split("`")):
        yield node("code", part) if index % 2 else part


def _make_header(report: Mapping[str, Any], part: Mapping[str, Any] | None) -> Element:
    look, word, detail = judge_run(report, part)
    badge = node("div", node("strong", word, class_="badge"), node("span", detail), class_=f"verdict {look}")
    back = node("p", "Seqdrop run · ", node("a", "all runs", href="../../index.html"), class_="brand")
    facts = {
        "State": report.get("state", ""),
        "Instrument": report.get("instrument_name") or report.get("instrument"),
        "Flow cell": report.get("flow_cell"),
        "Revision": str(report.get("revision", "")),
        "Folder": report["folder"],
        "Files": count(sum(each["files"] for each in report["parts"])) if report["parts"] else None,
        "Size": short(sum(each["bytes"] for each in report["parts"]), "B") if report["parts"] else None,
        "Last change": make_time(max(report.get("times", {}).values(), default="")),
    }
    return node("header", back, node("h1", run_name(report)), badge, make_facts(facts))


def _make_short_header(report: Mapping[str, Any], number: int) -> Element:
    back = node("p", "Seqdrop run · ", node("a", "first page", href=page_name(1)), class_="brand")
    return node("header", back, node("h1", f"{run_name(report)}, page {number}"))


def judge_run(report: Mapping[str, Any], part: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Return (class of style.css, the state of the run for people in a word or two, the reason)."""
    state = report.get("state", "")
    if state == "FAILED":
        return "invalid", "Failed", report.get("cause", "")
    if not part or not any(part.get("verdicts", {}).values()):
        words = {"SEQUENCING": "Sequencing", "COPYING": "Copying", "ARCHIVED": "Archived", "COMPLETE": "Complete"}
        look = "valid" if state == "ARCHIVED" and not report.get("rejected") else "growing"
        return look, words.get(state, "Reading"), report.get("cause") or "Its files are being read."
    verdicts = [name for name, number in part["verdicts"].items() if number]
    verdicts += [part.get("undetermined", {}).get("verdict") or "pass"] + ["fail"] * bool(report.get("rejected"))
    worst = max(verdicts, key=["pass", "warn", "fail"].index)
    words = {"pass": "All samples pass", "warn": "Look at the warnings", "fail": "Needs attention"}
    return LOOKS[worst], words[worst], describe_verdicts(part["verdicts"])


def describe_verdicts(verdicts: Mapping[str, int]) -> str:
    """Return the numbers of samples by verdict as text: "94 of 96 samples pass, 1 warns, 1 fails"."""
    total = sum(verdicts.values())
    text = f"{count(verdicts['pass'])} of {plural(total, 'sample')} pass"
    for verdict, verb in (("warn", "warn"), ("fail", "fail")):
        if number := verdicts[verdict]:
            text += f", {count(number)} {verb}{'s' * (number == 1)}"
    return text
