"""The samples of a run as rows: verdict, figures against the thresholds, yield against the plan, and the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqdrop.report.cells import make_meter, make_table, make_tag, number_cell, plural, share_of
from seqdrop.report.markup import node
from seqdrop.report.numbers import NOTHING, count, percent, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from seqdrop.report.markup import Child

COLUMNS = (
    ("Verdict", ""),
    ("Sample", ""),
    ("Reads", "number"),
    ("Yield", "number"),
    ("Of plan", "number"),
    ("Q30", "number"),
    ("N", "number"),
    ("Duplicates", "number"),
    ("Mean length", "number"),
    ("Calls", "number"),
    ("Reason", ""),
)
# figure of run.json → (name, its text)
FIGURES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "reads": ("Reads", count),
    "yield_mb": ("Yield", lambda value: short(value if value is None else value * 1e6, "b")),
    "q30": ("Q30", percent),
    "n": ("N", lambda value: percent(value, 2)),
    "duplicates": ("Duplicates", percent),
    "length": ("Mean length", lambda value: short(value, "b")),
}


def sampled_part(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the last part of a run that has samples; None if none has."""
    return next((part for part in reversed(report["parts"]) if part["samples"]), None)


def plan_of(report: Mapping[str, Any], part: Mapping[str, Any]) -> tuple[float | None, str]:
    """Return the megabases that a sample is planned to get, and the title of their column.

    They are the lab's plan, or else an even share of the run.
    """
    if planned := report.get("thresholds", {}).get("planned_mb"):
        return planned, "Of plan"
    yields = [figures["yield_mb"] for sample in part["samples"] if (figures := sample.get("figures"))]
    expected = [sample for sample in part["samples"] if sample["status"] != "unexpected"]
    even = sum(yields) / len(expected) if expected else None
    return even or None, "Of even share"


def make_samples(report: Mapping[str, Any], part: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> Element:
    """Return the table of some samples of a part. Columns that no sample of the part has a figure for are left out."""
    plan, kind = plan_of(report, part)
    shown = _shown_columns(report, part)
    rows = (_make_row(sample, report, (plan, kind), shown) for sample in samples)
    planned = f"; planned are {short(plan * 1e6, 'b')} for each" if plan and kind == "Of plan" else ""
    caption = f"{plural(len(part['samples']), 'sample')} with reads, figures and the reasons of the verdicts{planned}"
    columns = [(kind if name == "Of plan" else name, look) for name, look in COLUMNS if name in shown]
    return make_table(caption, columns, rows, "samples")


def _shown_columns(report: Mapping[str, Any], part: Mapping[str, Any]) -> set[str]:
    """Return the columns for which a sample has a figure, or the lab a threshold."""
    every = [sample.get("figures") or {} for sample in part["samples"]]
    limits = {limit["figure"] for limit in report.get("thresholds", {}).get("limits", [])}
    shown = {"Verdict", "Sample", "Reads", "Yield", "Of plan", "Reason"}
    shown |= {
        name
        for figure, (name, _) in FIGURES.items()
        if figure in limits or any(figures.get(figure) is not None for figures in every)
    }
    calls = any(outcome["calls"] for outcomes in report.get("predictions", {}).values() for outcome in outcomes)
    return shown | ({"Calls"} if calls else set())


def _make_row(
    sample: Mapping[str, Any], report: Mapping[str, Any], plan: tuple[float | None, str], shown: set[str]
) -> Element:
    figures, reasons = sample.get("figures") or {}, sample.get("reasons", [])
    beyond = {reason["figure"] for reason in reasons}
    cells: list[Element] = []
    for figure, (name, describe) in FIGURES.items():
        if name in shown:
            cells.append(number_cell(name, describe(figures.get(figure)), look="beyond" if figure in beyond else ""))
        if figure == "yield_mb":
            cells.append(_plan_cell(figures.get(figure), *plan))
    if "Calls" in shown:
        cells.append(number_cell("Calls", _count_calls(sample, report)))
    return node(
        "tr",
        node("td", make_tag(sample.get("verdict", "")), class_="verdict-cell"),
        node("th", sample["sample_id"], scope="row"),
        *cells,
        node("td", *_reasons(sample, report), class_="why"),
    )


def _plan_cell(megabases: float | None, plan: float | None, name: str) -> Element:
    meter = make_meter(megabases / plan) if megabases is not None and plan else None
    return number_cell(name, share_of(megabases, plan), meter)


def _reasons(sample: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Child]:
    reasons = sample.get("reasons", [])
    for reason in reasons:
        yield node("span", reason["text"], class_="reason")
    if not reasons:
        judged = bool(report.get("thresholds", {}).get("limits")) and sample["status"] == "complete"
        yield "within all thresholds" if judged else sample["status"]
    yield from _file_links(sample)


def _file_links(sample: Mapping[str, Any]) -> Iterator[Child]:
    """Yield a link to the page of each file of a sample, named by its read."""
    reads = {name: read for read, names in sample["files"].items() for name in names}
    links: list[Child] = []
    for name, upload in sample.get("uploads", {}).items():
        about = f"{sample['sample_id']} {reads.get(name, '')}: page of the file {name}"
        links += [" ", node("a", reads.get(name) or "file", href=f"../../../reports/{upload}.html", aria_label=about)]
    if links:
        yield node("span", "Files:", *links, class_="files")


def _count_calls(sample: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the calls of all files of a sample: those in calls.bed, or called windows if there are no tracks."""
    predictions = report.get("predictions", {})
    outcomes = [outcome for upload in sample.get("uploads", {}).values() for outcome in predictions.get(upload, [])]
    calls = [outcome["calls"] for outcome in outcomes if outcome["calls"]]
    if not calls:
        return NOTHING
    return count(sum(each["windows"] if each["kept"] is None else each["kept"] for each in calls))
