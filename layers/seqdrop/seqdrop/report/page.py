"""Render the report on one file as a page: one HTML file that loads nothing and runs no script."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.report.findings import locate, make_findings
from seqdrop.report.markup import document, node
from seqdrop.report.numbers import count, decimal, percent, short, size
from seqdrop.report.pictures import RESIDUES, draw_pictures, unit_of
from seqdrop.report.results_section import make_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from seqdrop.errors import Rejection
    from seqdrop.report.results_section import Ending
    from seqdrop.report.schema import Qc, QualityEncoding, Report, SelectionFacts

# The browser loads and runs nothing, even if a defect of the escaping let text of a file become markup.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(report: Report, name: str, rejection: Rejection | None = None, ending: Ending | None = None) -> str:
    """Return the HTML page of a report. `name` is the name of the file.

    `rejection` is the reason why the upload was rejected, if it was; the file itself may be valid. `ending` is what
    became of it, if anything has yet.
    """
    report = _with_rejection(report, rejection)
    noun = _noun(report)
    sections = [*_make_sections(report, noun, ending)]
    body = node("body", node("main", _make_header(report, name, ending), *sections, _make_footer(report)))
    styles = ("run.css",) if ending else ()
    return document(node("html", make_head(name, *styles), body, lang="en"))


def _with_rejection(report: Report, rejection: Rejection | None) -> Report:
    """Return the report marked as rejected. If it has no errors itself, those of the rejection are added."""
    if not rejection:
        return report
    if report["errors"]:
        return {**report, "rejected": True}
    counts = {**report["counts"], **rejection["counts"]}
    return {**report, "rejected": True, "valid": False, "errors": rejection["errors"], "counts": counts}


def _noun(report: Report) -> str:
    """Return the plural noun for the records of a file."""
    if unit_of(report["qc"]) == RESIDUES:
        return "proteins"
    return "sequences" if report["format"] == "fasta" else "reads"


def make_head(name: str, *styles: str) -> Element:
    """Return the head of a page that loads nothing. `name` is shown in its title.

    `styles` are style sheets of this package besides style.css.
    """
    sheets = (files("seqdrop.report").joinpath(sheet).read_text() for sheet in ("style.css", *styles))
    return node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=POLICY),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", f"{name} · Seqdrop"),
        node("style", "".join(sheets)),
    )


def _make_header(report: Report, name: str, ending: Ending | None) -> Element:
    look, word, detail = _verdict(report)
    badge = node("div", node("strong", word, class_="badge"), node("span", detail), class_=f"verdict {look}")
    return node(
        "header", node("p", "Seqdrop report", class_="brand"), node("h1", name), badge, _make_facts(report, ending)
    )


def _verdict(report: Report) -> tuple[str, str, str]:
    """Return (class of style.css, the verdict in one word, the reason)."""
    codes = {entry["code"] for entry in report["errors"]}
    if codes:
        first = report["errors"][0]
        more = sum(report["counts"].get(code, 0) for code in codes) - 1
        others = f"; {count(more)} more error{'s' * (more > 1)}" if more > 0 else ""
        word = "Rejected" if report.get("rejected") else "Invalid"
        return "invalid", word, f"{locate(first)}{first['message']}{others}"
    checked = f"{count(report['records'])} records checked"
    if report["warnings"]:
        kinds = len({entry["code"] for entry in report["warnings"]})
        return "warned", "Valid", f"{checked}; {kinds} kind{'s' * (kinds > 1)} of warning"
    return "valid", "Valid", f"{checked}; no fault found"


def _make_facts(report: Report, ending: Ending | None) -> Element:
    """Return the list of facts about the file; facts that are unknown are omitted."""
    origin = report["qc"]["origin"]
    facts = {
        "State": ending["state"] if ending else None,
        "Dropped": _day(ending["times"]) if ending else None,
        "Format": _format(report),
        "Alphabet": _alphabet(report["qc"]),
        "Size": None if report["size"] is None else size(report["size"]),
        "Platform": ", ".join(origin["platform"]),
        "Instrument": ", ".join(origin["instrument"]),
        "Run": ", ".join(origin.get("run", [])),
        "Flow cell": ", ".join(origin["flow_cell"]),
        "Lane": ", ".join(origin["lane"]),
        "Accession": ", ".join(origin.get("accession", [])),
        "Quality": _encoding(report["qc"]["quality_encoding"]),
        "Dropped as": report.get("key"),
        "Upload": report.get("upload"),
        "SHA-256": report["sha256"],
        "Archived before": f"as upload {earlier}" if (earlier := report.get("archived_before")) else None,
    }
    pairs = (node("div", node("dt", term), node("dd", value)) for term, value in facts.items() if value)
    return node("dl", *pairs, class_="facts")


def _alphabet(qc: Qc) -> str | None:
    """Describe the alphabet of a file with U; None for other files, and for reports without `alphabet`."""
    uracil = count(qc.get("uracil") or 0)
    texts = {"rna": f"RNA: U ({uracil}) is read as T", "mixed": f"RNA and DNA: U ({uracil}) is read as T"}
    return texts.get(qc.get("alphabet", "dna"))


def _encoding(encoding: QualityEncoding | None) -> str | None:
    """Name the encoding. Scores are always read as Phred+33, even if the characters suggest Phred+64."""
    if encoding is None:
        return None
    return "Phred+33" if encoding["name"] == "phred+33" else "Phred+64 suspected; read as Phred+33"


def _format(report: Report) -> str:
    parts = [(report["format"] or "unknown").upper()]
    if report["compression"]:
        parts.append({"bgzf": "BGZF"}.get(report["compression"], report["compression"]))
    if report["layout"] and report["layout"] != report["format"]:
        parts.append(report["layout"])
    if report["interleaved"]:
        parts.append("interleaved mates")
    return ", ".join(parts)


def _day(times: Mapping[str, str]) -> str | None:
    """Return the day of the first time."""
    return min(times.values())[:10] if times else None


def _make_sections(report: Report, noun: str, ending: Ending | None) -> Iterator[Element]:
    if boxes := list(make_findings(report)):
        yield node("section", node("h2", "Findings"), *boxes)
    if ending:
        yield from make_results(ending, report.get("upload", ""))
    qc = report["qc"]
    if qc["records"]:
        note = None if report["valid"] else node("p", f"Figures of valid {noun} only ({count(qc['records'])}).")
        yield node("section", node("h2", "Figures"), note, _make_tiles(qc, noun))
        yield node("section", *draw_pictures(qc, noun), class_="pictures")
    if "selection" in report:
        yield node("section", node("h2", "Model input"), node("p", _describe(report["selection"], ending is not None)))


Tile = tuple[str, str, str]
"""(name of a figure, its value, a note)."""


def _make_tiles(qc: Qc, noun: str) -> Element:
    tiles = list(_tiles(qc, noun))
    boxes = (
        node("div", node("dt", name), node("dd", figure), node("dd", note, class_="note"))
        for name, figure, note in tiles
    )
    return node("dl", *boxes, class_="tiles")


def _tiles(qc: Qc, noun: str) -> Iterator[Tile]:
    unit = unit_of(qc)
    yield noun.capitalize(), short(qc["records"]), count(qc["records"]) if qc["records"] >= 1000 else ""
    if unit == RESIDUES:
        yield "Residues", short(qc["bases"]), count(qc["bases"])
    else:
        yield "Bases", short(qc["bases"], "b"), count(qc["bases"])
    yield "Mean length", short(qc["mean_length"], unit), _length_range(qc, unit)
    if unit == RESIDUES:
        share = qc["ambiguous"] / qc["bases"] if qc["bases"] else None
        yield "Unusual", percent(share, 2), "X, B, Z, J, U or O"
    else:
        yield "N50", short(qc["n50"], "bp"), f"half of all bases are in {noun} of this length or longer"
        yield "GC", percent(qc["gc_fraction"]), "of A, C, G and T"
        yield "N", percent(qc["n_fraction"], 2), "of all bases"
    if qc["mean_quality"] is not None:
        yield "Mean quality", f"Q {decimal(qc['mean_quality'])}", "arithmetic mean of the scores of all bases"
        from_errors = qc.get("mean_quality_from_errors")
        if from_errors is not None:
            yield "Mean quality from errors", f"Q {decimal(from_errors, 2)}", "as in NanoPlot, dorado and seqkit"
        yield "Q30", percent(qc["q30_fraction"]), f"Q20: {percent(qc['q20_fraction'])}"


def _length_range(qc: Qc, unit: str) -> str:
    if qc["shortest"] == qc["longest"]:
        return "all of the same length"
    return f"{count(qc['shortest'])} to {count(qc['longest'])} {unit}"


def _describe(selection: SelectionFacts, is_past: bool) -> str:
    """Return a sentence about the records that go to the model."""
    many, single = ("went", "went") if is_past else ("go", "goes")
    which = f"All {count(selection['records'])} records {many}"
    if selection["taken"] < selection["records"]:
        taken, records = count(selection["taken"]), count(selection["records"])
        which = f"A random sample of {taken} of {records} records (seed {selection['seed']}) {single}"
    once = ""
    if "distinct" in selection:
        verb = "were" if is_past else "are"
        once = f"; identical ones {verb} scored once ({count(selection['distinct'])} distinct sequences)"
    return f"{which} to the analysis “{selection['analysis']}”{once}."


def _make_footer(report: Report) -> Element:
    text = (
        "Records, lines and positions count from 1, bytes from 0. Lines and bytes refer to the decompressed file; "
        "if the compression is damaged, bytes refer to the compressed file."
    )
    if report.get("upload"):
        text += f" The same report for programs: {keys.report(report['upload'])}."
    return node("footer", node("p", text))
