"""The sections of the page of a run below its samples: Undetermined, predictions, state, proofs, cost, lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqdrop.report.cells import make_section, make_table, make_tag, make_tiles, make_time, number_cell, plural
from seqdrop.report.markup import node
from seqdrop.report.numbers import NOTHING, count, percent, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

STATES = ("SEQUENCING", "COPYING", "COMPLETE", "FAILED", "ARCHIVED")
MOST = 100  # rejected files, and results, that the page lists


def make_state(report: Mapping[str, Any]) -> Element:
    """Return when the run entered each state, why it is in its state, and the files that said so."""
    times = {"first file": report.get("created_at", ""), **report.get("times", {})}
    ordered = sorted(((name, time) for name, time in times.items() if time), key=lambda step: (step[1], _rank(step[0])))
    steps = (node("li", node("strong", name.capitalize()), make_time(time)) for name, time in ordered)
    card = node(
        "div", node("ol", *steps, class_="steps"), node("p", report.get("cause", ""), class_="cause"), class_="card"
    )
    return make_section("State", card, _make_markers(report.get("markers", [])))


def _rank(name: str) -> int:
    return STATES.index(name) if name in STATES else -1


def _make_markers(markers: Sequence[Mapping[str, str]]) -> Element | None:
    if not markers:
        return None
    rows = (
        node("tr", node("th", entry["name"], scope="row", class_="path"), node("td", make_time(entry["at"])))
        for entry in markers
    )
    return make_table("Markers: the files that say how far the run is", [("File", ""), ("Landed", "")], rows, "plain")


def make_undetermined(part: Mapping[str, Any], thresholds: Mapping[str, Any]) -> Element | None:
    """Return the share of reads of no sample with its verdict, and the most frequent unknown barcodes."""
    if part["undetermined_share"] is None:
        return None
    verdict = part.get("undetermined", {"verdict": "", "reasons": []})
    beyond = "".join(f", {reason['text'].rpartition(', ')[2]}" for reason in verdict["reasons"])
    limits = {limit["figure"] for limit in thresholds.get("limits", [])}
    tag = make_tag(verdict["verdict"]) if "undetermined" in limits else None
    share = node("strong", percent(part["undetermined_share"]))
    line = node("p", tag, " " if tag is not None else None, share, f" of the bytes of all reads{beyond}")
    return make_section("Reads of no sample (Undetermined)", node("div", line, class_="card"), _make_barcodes(part))


def _make_barcodes(part: Mapping[str, Any]) -> Element | None:
    barcodes = part.get("unknown_barcodes") or []
    if not barcodes:
        return None
    looked = sum(number for _, number in barcodes)
    rows = (
        node(
            "tr",
            node("th", node("code", barcode), scope="row"),
            number_cell("Reads", count(number)),
            number_cell("Share", percent(number / part.get("barcode_reads", looked))),
        )
        for barcode, number in barcodes
    )
    caption = (
        f"Most frequent unknown barcodes, by the names of the first {count(part.get('barcode_reads', looked))} reads"
    )
    return make_table(caption, [("Barcode", ""), ("Reads", "number"), ("Share", "number")], rows, "plain")


def make_proofs(report: Mapping[str, Any]) -> Element | None:
    """Return how many files the checksums of the sequencer prove, and what differs."""
    if not report["parts"]:
        return None
    lines: list[Element] = []
    for part in report["parts"]:
        lists, name = part["checksums"], part["folder"] or "The run"
        proven = sum(lists["agreed"].values())
        listed = proven + len(lists["differing"]) + lists["missing_count"] + len(lists["too_large"])
        text = f"{name}: {count(proven)} of {count(listed)} listed files have the checksum that the sequencer wrote"
        if not listed:
            text = f"{name}: the sequencer wrote no list of checksums"
        lines.append(
            node("li", f"{text}; {plural(part['files'], 'file')} in all, each with its own SHA-256 in its receipt.")
        )
        lines += [node("li", node("strong", "differs: "), f"{file}: {how}") for file, how in lists["differing"].items()]
        lines += [
            node("li", f"{source}: {plural(len(files), 'file')} not there")
            for source, files in lists["missing"].items()
        ]
    return make_section("Checksums", node("div", node("ul", *lines, class_="todo"), class_="card"))


def make_rejected(report: Mapping[str, Any]) -> Element | None:
    """Return the rejected files with the code of their fault and a link to their page."""
    rejected = report.get("rejected", [])
    if not rejected:
        return None
    rows = (
        node(
            "tr",
            node("th", entry["name"], scope="row", class_="path"),
            node("td", node("code", entry["code"])),
            node("td", node("a", "reason", href=f"../../../reasons/{entry['upload']}.json")),
        )
        for entry in rejected[:MOST]
    )
    shown = f"; the first {MOST} are listed" if len(rejected) > MOST else ""
    columns = [("File", ""), ("Code", ""), ("Details", "")]
    return make_section("Rejected files", make_table(f"{plural(len(rejected), 'file')}{shown}", columns, rows, "plain"))


def make_predictions(report: Mapping[str, Any], part: Mapping[str, Any] | None) -> Iterator[Element]:
    """Yield the promoter calls and the structure of proteins by sample, if the run was predicted."""
    pairs = list(_outcomes(report, part)) if part else []
    calls = [(sample, outcome) for sample, outcome in pairs if outcome["calls"]]
    strips = [(sample, outcome) for sample, outcome in pairs if outcome["composition"]]
    if calls:
        columns = [(name, "number") for name in ("Windows scored", "Called windows", "Expected false", "Calls kept")]
        rows = (_calls_row(sample, outcome) for sample, outcome in calls)
        caption = "Expected false: windows that the model would call in as much DNA without promoters (model card)"
        yield make_section("Promoter calls", make_table(caption, [("Sample", ""), *columns], rows, "plain"))
    if strips:
        rows = (_strip_row(sample, outcome) for sample, outcome in strips)
        columns = [("Sample", ""), ("Proteins", "number"), ("Residues", "number"), ("Structure", "")]
        caption = "Share of residues in helices (H), strands (E) and coil (C)"
        yield make_section("Proteins", make_table(caption, columns, rows, "plain"))


def _outcomes(report: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    predictions = report.get("predictions", {})
    for sample in part["samples"]:
        reads = {name: read for read, names in sample["files"].items() for name in names}
        for name, upload in sample.get("uploads", {}).items():
            label = f"{sample['sample_id']} {reads.get(name, '')}".strip()
            yield from ((label, outcome) for outcome in predictions.get(upload, []))


def _calls_row(sample: str, outcome: Mapping[str, Any]) -> Element:
    return node("tr", node("th", sample, scope="row"), *call_cells(outcome))


def call_cells(outcome: Mapping[str, Any]) -> Iterator[Element]:
    """Yield the cells of an outcome: scored and called windows, how many are expected to be false, calls kept."""
    calls = outcome["calls"]
    yield number_cell("Windows scored", count(outcome["scored"]))
    yield number_cell("Called windows", count(calls["windows"]))
    yield number_cell("Expected false", expected_false(calls))
    yield number_cell("Calls kept", count(calls["kept"]))


def expected_false(calls: Mapping[str, Any]) -> str:
    """Return how many windows would be called without any true one: "12 to 18", or a dash."""
    if calls["false_low"] is None:
        return NOTHING
    low, high = (round(calls[name]) for name in ("false_low", "false_high"))
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _strip_row(sample: str, outcome: Mapping[str, Any]) -> Element:
    return node(
        "tr",
        node("th", sample, scope="row"),
        number_cell("Proteins", count(outcome["proteins"])),
        number_cell("Residues", count(outcome["residues"])),
        node("td", *make_strip(outcome["composition"])),
    )


def make_strip(composition: Mapping[str, float]) -> Iterator[Element]:
    """Yield the shares of the states as text, and a strip of them."""
    shares = ", ".join(f"{share:.0%} {state}" for state, share in composition.items())
    parts = (
        node("i", class_=f"state-{state}", style=f"width:{100 * share:.1f}%") for state, share in composition.items()
    )
    yield node("span", shares)
    yield node("span", *parts, class_="strip", aria_hidden="true")


def make_cost(report: Mapping[str, Any]) -> Element | None:
    """Return what the run has cost so far by list prices, and what it costs to get it back."""
    parts = report["parts"]
    if not parts:
        return None
    archive = {name: sum(part["archive"][name] for part in parts) for name in ("usd_least", "usd_month", "usd_restore")}
    outcomes = [outcome for entries in report.get("predictions", {}).values() for outcome in entries]
    jobs = sum(outcome["usd"] or 0 for outcome in outcomes)
    tiles = [
        (
            "Cost so far",
            _dollars(archive["usd_least"] + jobs),
            "what is billed in any case: models and the archive's least",
        ),
        ("Models", _dollars(jobs), "instances of its jobs" if outcomes else "no model reads this run"),
        (
            "Archive",
            _dollars(archive["usd_least"]),
            f"copies, and the least days billed; {_dollars(archive['usd_month'])} a month",
        ),
        ("Restore", _dollars(archive["usd_restore"]), "all of it once, slowly (up to 48 hours)"),
    ]
    tag = report.get("cost_tag")
    note = f"Estimates by {parts[0]['archive']['prices']}."
    note += f" The bill has this run under the cost allocation tag seqdrop:run = {tag}." if tag else ""
    return make_section("Cost", make_tiles(tiles), node("p", note, class_="below soft"))


def _dollars(value: float) -> str:
    return f"$ {value:.2f}" if value >= 0.01 or not value else "under $ 0.01"


def make_lineage(report: Mapping[str, Any]) -> Element | None:
    """Return the models that read the run, with their digests and the files that they made."""
    rows: dict[tuple[str, str, str], int] = {}
    for entries in report.get("predictions", {}).values():
        for outcome in entries:
            key = (outcome["analysis"], outcome["model"], outcome["model_sha256"])
            rows[key] = rows.get(key, 0) + 1
    table = (
        node(
            "tr",
            node("th", model or "no predictions", scope="row"),
            node("td", analysis),
            node("td", node("code", digest[:16] or NOTHING)),
            number_cell("Files", count(number)),
        )
        for (analysis, model, digest), number in rows.items()
    )
    if not rows:
        return None
    columns = [("Model", ""), ("Analysis", ""), ("SHA-256 begins", ""), ("Files", "number")]
    return make_section("Models and lineage", make_table("Models that read files of this run", columns, table, "plain"))


def make_parts(report: Mapping[str, Any]) -> Element | None:
    """Return the folders that were complete: files, bytes, samples."""
    rows = (
        node(
            "tr",
            node("th", part["folder"] or "the run itself", scope="row", class_="path"),
            node("td", make_time(part["complete_at"])),
            number_cell("Files", count(part["files"])),
            number_cell("Bytes", short(part["bytes"], "B")),
            number_cell("Samples", count(len(part["samples"]))),
        )
        for part in report["parts"]
    )
    columns = [("Folder", ""), ("Complete", ""), ("Files", "number"), ("Bytes", "number"), ("Samples", "number")]
    return (
        make_section("Parts", make_table("Folders that were complete", columns, rows, "plain"))
        if report["parts"]
        else None
    )
