"""The section of a file's page on what became of it: its state with times, predictions, files to open, the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from seqdrop.report.cells import make_facts, make_section, make_table, make_time
from seqdrop.report.markup import node
from seqdrop.report.numbers import NOTHING, count
from seqdrop.report.run_sections import call_cells, make_strip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

FILES = {
    "calls.bed": "calls, for IGV and bedtools",
    "calls.gff3": "the same calls as GFF3",
    "track.plus.bw": "track of the forward strand",
    "track.minus.bw": "track of the reverse strand",
    "predictions.parquet": "every window as a table",
    "structure.fasta": "sequences with their structure",
    "embeddings.parquet": "embeddings as a table",
    "fills.parquet": "the likeliest bases of each gap",
    "summary.json": "counts and provenance",
}
CALL_COLUMNS = ("Windows scored", "Called windows", "Expected false", "Calls kept")


class Ending(TypedDict):
    """What became of a file after it was read. `outcomes` are results.outcome.Outcome, `receipt` its receipt or None.

    `times` are the times at which it entered its states, ISO 8601; `version` is that of Seqdrop that wrote the page.
    """

    state: str
    times: Mapping[str, str]
    outcomes: Sequence[Mapping[str, Any]]
    receipt: Mapping[str, Any] | None
    version: str


def make_results(ending: Ending, upload_id: str) -> Iterator[Element]:
    """Yield the sections "Results" and "Archive", and the times of all states."""
    if ending["outcomes"]:
        yield make_section("Results", *(part for outcome in ending["outcomes"] for part in _make_outcome(outcome)))
    if ending["receipt"]:
        yield make_section("Archive", node("div", _make_receipt(ending["receipt"], upload_id), class_="card"))
    ordered = sorted((time, state) for state, time in ending["times"].items())
    steps = (node("li", node("strong", state.capitalize()), make_time(time)) for time, state in ordered)
    card = node("div", node("ol", *steps, class_="steps"), class_="card")
    yield make_section(
        "What happened", card, node("p", f"Written by Seqdrop {ending['version']}.", class_="below soft")
    )


def _make_outcome(outcome: Mapping[str, Any]) -> Iterator[Element]:
    facts = {
        "Analysis": outcome["analysis"],
        "Attempt": f"{outcome['number']}, {outcome['state'].lower()}",
        "When": make_time(outcome["at"]),
        "Model": outcome["model"],
        "SHA-256 of the model": outcome["model_sha256"],
        "Reason": outcome["reason"] if outcome["state"] == "FAILED" else None,
    }
    content = [make_facts(facts)]
    if outcome["composition"]:
        counts = f"{count(outcome['proteins'])} proteins, {count(outcome['residues'])} residues: "
        content.append(node("p", counts, *make_strip(outcome["composition"]), class_="below"))
    elif outcome["windows"] is not None and not outcome["calls"]:
        text = f"{count(outcome['scored'])} of {count(outcome['windows'])} windows have a prediction."
        content.append(node("p", text, class_="below"))
    yield node("div", *content, class_="card")
    if outcome["calls"]:
        caption = "Expected false: windows that the model would call in as much DNA without promoters (model card)"
        columns = [(name, "number") for name in CALL_COLUMNS]
        yield make_table(caption, columns, [node("tr", *call_cells(outcome))], "plain")
    if outcome["files"]:
        rows = (_make_file(outcome["prefix"], name) for name in outcome["files"])
        yield make_table("Files of the results", [("File", ""), ("What it is", "")], rows, "plain")


def _make_file(prefix: str, name: str) -> Element:
    link = node("a", name, href=f"../{prefix}{name}")
    return node("tr", node("th", link, scope="row"), node("td", FILES.get(name, "")))


def _make_receipt(receipt: Mapping[str, Any], upload_id: str) -> Element:
    copy, landing = receipt["archive"], receipt["landing"]
    terms = receipt["restore"]
    slow = min(terms.values(), key=lambda each: each["usd_per_gb"], default=None) if terms else None
    restore = None
    if slow:
        price = f", $ {slow['usd']:.2f}" if slow.get("usd", 0) >= 0.01 else ", under $ 0.01" if "usd" in slow else ""
        restore = f"at most {slow['hours_at_most']} hours{price}"
    listed = receipt.get("checksum_list")
    return make_facts(
        {
            "Copy": f"{copy['storage_class']}, verified",
            "Verified": make_time(receipt["verified_at"]),
            "SHA-256 of the copy": copy.get("sha256") or copy.get("sha256_of_parts") or NOTHING,
            "Checksum of the sequencer": f"agrees ({listed['key'].rpartition('/')[2]})" if listed else None,
            "Size": f"{count(landing['size'])} bytes",
            "Restore": restore,
            "Receipt": node("a", f"{upload_id}.json", href=f"../receipts/{upload_id}.json"),
        }
    )
