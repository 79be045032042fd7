"""What is wrong with a file, code by code: how often, what to do, and the first places.

The report of one file as a page: one HTML file that asks nothing of any network and runs no script.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.report.markup import document, node
from seqdrop.report.numbers import NOTHING, count, decimal, percent, short, size
from seqdrop.report.pictures import RESIDUES, pictures, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from seqdrop.errors import FaultEntry, Rejection
    from seqdrop.report.schema import Qc, QualityEncoding, Report, SelectionFacts

COLUMNS = (("Record", None), ("No.", "number"), ("Line", "number"), ("Byte", "number"), ("What", None))


def findings(report: Report) -> Iterator[Element]:
    """A box for each code, errors first, in the order of the first of each."""
    for severity in ("error", "warning"):
        entries = report[severity + "s"]
        for code in dict.fromkeys(one["code"] for one in entries):
            same = [one for one in entries if one["code"] == code]
            yield _box(severity, code, same, report["counts"].get(code, len(same)))


def _box(severity: str, code: str, entries: list[FaultEntry], total: int) -> Element:
    first = f"the first {len(entries)}" if len(entries) > 1 else "the first"
    shown = f", {first} of them below" if total > len(entries) else ""
    head = node("h3", node("span", severity, class_="pill"), node("code", code), f" {count(total)} found{shown}")
    placed = [one for one in entries if one["record"] or one["line"] or one["byte"] is not None]
    what = _table(entries) if placed else node("p", entries[0]["message"])
    return node("section", head, _advice(entries[0]["advice"]), what, class_=f"finding {severity}")


def _advice(text: str) -> Element:
    """What stands between backticks is a command."""
    parts = text.split("`")
    return node("p", *(node("code", one) if place % 2 else one for place, one in enumerate(parts)), class_="advice")


def _table(entries: list[FaultEntry]) -> Element:
    head = node("thead", node("tr", *(node("th", name, class_=look) for name, look in COLUMNS)))
    table = node("table", head, node("tbody", *(_row(one) for one in entries)))
    return node("div", table, class_="wide-table")


def _row(one: FaultEntry) -> Element:
    places = ("number", "line", "byte")
    numbers = (node("td", count(one[key]), class_="number", data_name=key) for key in places)
    name = node("td", one["record"] or NOTHING, class_="name")
    return node("tr", name, *numbers, node("td", one["message"], class_="what"))


# Nothing is fetched and nothing runs, even if something in a file's names ever got past the escaping.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
NOUNS = {"fasta": "sequences"}


def render_page(report: Report, name: str, rejection: Rejection | None = None) -> str:
    """HTML of a report (`Reading.report`, with what the pipeline adds to it) on the file of this name.

    `rejection` is why an upload was rejected (examination.rejection): of a file that may be valid in itself.
    """
    report = _with_rejection(report, rejection)
    proteins = report["qc"].get("residue_counts") is not None
    noun = "proteins" if proteins else NOUNS.get(report["format"], "reads")
    body = node("body", node("main", _header(report, name), *_sections(report, noun), _footer(report)))
    return document(node("html", _head(name), body, lang="en"))


def _with_rejection(report: Report, rejection: Rejection | None) -> Report:
    if not rejection:
        return report
    if report["errors"]:
        return {**report, "rejected": True}
    counts = {**report["counts"], **rejection["counts"]}
    return {**report, "rejected": True, "valid": False, "errors": rejection["errors"], "counts": counts}


def _head(name: str) -> Element:
    return node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=POLICY),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", f"{name} · Seqdrop"),
        node("style", files("seqdrop.report").joinpath("style.css").read_text()),
    )


def _header(report: Report, name: str) -> Element:
    look, word, detail = _verdict(report)
    badge = node("div", node("strong", word, class_="badge"), node("span", detail), class_=f"verdict {look}")
    return node("header", node("p", "Seqdrop report", class_="brand"), node("h1", name), badge, _facts(report))


def _verdict(report: Report) -> tuple[str, str, str]:
    """(class, word, what it rests on)."""
    codes = {one["code"] for one in report["errors"]}
    if codes:
        first = report["errors"][0]
        more = sum(report["counts"].get(code, 0) for code in codes) - 1
        also = f", and {count(more)} more" if more > 0 else ""
        return (
            "invalid",
            "Rejected" if report.get("rejected") else "Invalid",
            f"{_place(first)}{first['message']}{also}",
        )
    checked = f"{count(report['records'])} records checked"
    if report["warnings"]:
        kinds = len({one["code"] for one in report["warnings"]})
        return "warned", "Valid", f"{checked}, with {kinds} kind{'s' * (kinds > 1)} of warning"
    return "valid", "Valid", f"{checked}, no fault found"


def _place(one: FaultEntry) -> str:
    places = [f"{word} {count(one[key])}" for word, key in (("record", "number"), ("line", "line")) if one[key]]
    return ", ".join(places).capitalize() + ": " if places else ""


def _facts(report: Report) -> Element:
    """What the file is, as a list of terms; those that nothing is known of are left out."""
    origin = {key.replace("_", " ").capitalize(): ", ".join(words) for key, words in report["qc"]["origin"].items()}
    facts = {
        "Format": _format(report),
        "Size": size(report["size"]),
        **origin,
        "Quality": _encoding(report["qc"]["quality_encoding"]),
        "Dropped as": report.get("key"),
        "Upload": report.get("upload"),
        "SHA-256": report["sha256"],
    }
    pairs = (node("div", node("dt", term), node("dd", value)) for term, value in facts.items() if value)
    return node("dl", *pairs, class_="facts")


def _encoding(found: QualityEncoding | None) -> str | None:
    """All figures take scores as Phred+33, even where the evidence is for the other."""
    return found and {"phred+33": "Phred+33"}.get(found["name"], "Phred+64 suspected, read as Phred+33")


def _format(report: Report) -> str:
    packed = {"bgzf": "BGZF", "gzip": "gzip"}.get(report["compression"])
    layout = None if report["layout"] == report["format"] else report["layout"]
    parts = [(report["format"] or "unknown").upper(), packed, layout]
    return ", ".join(part for part in [*parts, "interleaved mates" * report["interleaved"]] if part)


def _sections(report: Report, noun: str) -> Iterator[Element]:
    if found := list(findings(report)):
        yield node("section", node("h2", "What was found"), *found)
    if report["qc"]["records"]:
        sound = "" if report["valid"] else f"Of the {noun} that are sound, {count(report['qc']['records'])} in all."
        yield node("section", node("h2", "Figures"), node("p", sound) if sound else None, _figures(report["qc"], noun))
        yield node("section", *pictures(report["qc"], noun), class_="pictures")
    if told := report.get("selection"):
        yield node("section", node("h2", "For the model"), node("p", _selection(told)))


def _figures(qc: Qc, noun: str) -> Element:
    unit = unit_of(qc)
    alike = qc["shortest"] == qc["longest"]
    spread = "all alike" if alike else f"{count(qc['shortest'])} to {count(qc['longest'])} {unit}"
    tiles = [
        (noun.capitalize(), short(qc["records"]), count(qc["records"]) if qc["records"] >= 1000 else ""),
        *(_of_residues(qc) if unit == RESIDUES else _of_bases(qc)),
    ]
    tiles.insert(2, ("Mean length", short(qc["mean_length"], unit), spread))
    if qc["mean_quality"] is not None:
        tiles += [
            ("Mean quality", f"Q {decimal(qc['mean_quality'])}", "over all bases"),
            ("Q30", percent(qc["q30_fraction"]), f"Q20: {percent(qc['q20_fraction'])}"),
        ]
    made = (
        node("div", node("dt", name), node("dd", value), node("dd", note, class_="note")) for name, value, note in tiles
    )
    return node("dl", *made, class_="tiles")


def _of_bases(qc: Qc) -> list[tuple[str, str, str]]:
    return [
        ("Bases", short(qc["bases"], "b"), count(qc["bases"])),
        ("N50", short(qc["n50"], "bp"), "half of all bases"),
        ("GC", percent(qc["gc_fraction"]), "of A, C, G and T"),
        ("N", percent(qc["n_fraction"], 2), "of all bases"),
    ]


def _of_residues(qc: Qc) -> list[tuple[str, str, str]]:
    return [
        ("Residues", short(qc["bases"]), count(qc["bases"])),
        ("Unusual", percent(qc["ambiguous"] / qc["bases"] if qc["bases"] else None, 2), "X, B, Z, J, U or O"),
    ]


def _selection(told: SelectionFacts) -> str:
    which = f"All {count(told['records'])} records go"
    if told["taken"] < told["records"]:
        which = (
            f"A random sample of {count(told['taken'])} of {count(told['records'])} records (seed {told['seed']}) goes"
        )
    same = f", identical ones once: {count(told['distinct'])} distinct sequences" if "distinct" in told else ""
    return f"{which} to the analysis “{told['analysis']}”{same}."


def _footer(report: Report) -> Element:
    machine = f" Programs read {keys.report(report['upload'])}." if report.get("upload") else ""
    text = f"Records, lines and positions count from 1, bytes from 0, in the decompressed file.{machine}"
    return node("footer", node("p", text))
