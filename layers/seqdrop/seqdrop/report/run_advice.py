"""What a person should do next about a run: one entry for each thing that needs a person, in the order of urgency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqdrop.report.cells import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_NAMES = 6


def advise(report: Mapping[str, Any], part: Mapping[str, Any] | None) -> list[str]:
    """Return sentences; text between backticks is a command. The last says what happens by itself."""
    return [*_on_state(report), *_on_files(report), *(_on_samples(part) if part else ()), _on_rest(report)]


def _on_state(report: Mapping[str, Any]) -> Iterator[str]:
    if report.get("state") == "FAILED":
        yield (
            "The instrument reports a failure; the files wait for you. To archive them as they are, drop an empty file "
            f"`{report['folder']}seqdrop-complete.txt` into the landing bucket; otherwise delete them there."
        )


def _on_files(report: Mapping[str, Any]) -> Iterator[str]:
    rejected = report.get("rejected", [])
    if rejected:
        yield (
            f"{plural(len(rejected), 'file')} {'was' if len(rejected) == 1 else 'were'} rejected and stayed in the "
            "landing bucket. Mend what “Rejected files” says, and drop the files again under the same names."
        )
    for part in report["parts"]:
        if part.get("checksums", {}).get("differing"):
            yield "Files differ from the sequencer's checksums: copy them from the instrument and drop them again."
        yield from part.get("problems", [])


def _on_samples(part: Mapping[str, Any]) -> Iterator[str]:
    groups = {
        "missing": "no file came: look at their indexes in the sample sheet, and at the unknown barcodes",
        "incomplete": "files are missing: copy them again from the instrument",
        "empty": "no reads: look at their indexes in the sample sheet, and at their libraries",
        "unexpected": "not in the sample sheet: mend the sheet, or the names of the files",
    }
    for status, advice in groups.items():
        if names := [sample["sample_id"] for sample in part["samples"] if sample["status"] == status]:
            yield f"{_join(names)}: {advice}."
    few = [sample["sample_id"] for sample in part["samples"] if _falls_short(sample)]
    if few:
        yield f"{_join(few)}: fewer reads than the threshold; consider a top-up run of these libraries."
    if any(reason["verdict"] == "fail" for reason in part.get("undetermined", {}).get("reasons", [])):
        yield "A large share of the reads belongs to no sample: compare the unknown barcodes with the sample sheet."


def _falls_short(sample: Mapping[str, Any]) -> bool:
    return any(
        reason["figure"] in ("reads", "yield_mb") and reason["verdict"] == "fail"
        for reason in sample.get("reasons", [])
    )


def _on_rest(report: Mapping[str, Any]) -> str:
    texts = {
        "SEQUENCING": "Nothing else: the run goes on by itself when its files arrive.",
        "COPYING": "Nothing else: the run goes on by itself when its files have arrived and are read.",
        "COMPLETE": "Nothing else: its files are being predicted and archived.",
        "FAILED": "Nothing else happens by itself.",
        "ARCHIVED": f"To get all results: `seqdrop fetch {report['folder']}`. A restore of raw data "
        "from the archive takes up to 48 hours.",
    }
    return texts.get(report.get("state", ""), "Nothing else: the files of this part are being read.")


def _join(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
