"""The checks of a sample sheet, before and after its run: samples, lanes, cycles and settings. Indexes: `indexes`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqdrop.runs.sheets.codes import finding
from seqdrop.runs.sheets.cycles import parse_override
from seqdrop.runs.sheets.indexes import check_indexes
from seqdrop.runs.sheets.sheet import AVITI, ILLUMINA_V2, ONT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.errors import Fault
    from seqdrop.runs.run_info import RunInfo
    from seqdrop.runs.sheets.cycles import Cycles
    from seqdrop.runs.sheets.sheet import Sheet, SheetSample

# Illumina, "Sample Sheet Requirements" of DRAGEN 4.4 (help.dragen.illumina.com): letters, digits, underscores and
# dashes. bcl2fastq2 v2.20 excludes blanks and ? ( ) [ ] / \ = + < > : ; " ' , * ^ | & . instead, which leaves the same
# ASCII characters except for a few such as # and @.
SAMPLE_ID = re.compile(r"[A-Za-z0-9_-]+")
# The same page: names that a sample must not have. Bases2Fastq writes Unassigned itself.
RESERVED = {"all", "default", "none", "unknown", "undetermined", "stats", "reports"}
SECTIONS_OF_SETTINGS = ("bclconvert_settings", "settings")


def check_sheet(sheet: Sheet, run_info: RunInfo | None = None) -> list[Fault]:
    """Return the findings on a sheet in the order of its lines; their severity is in `SHEET_CODES`.

    Without `run_info`, cycles are compared with those that the sheet itself plans, and lanes are not checked. Messages
    have Sample_IDs and indexes, so they belong in the lab's mails and pages, not in logs.
    """
    if not sheet.samples:
        return [finding("no_samples", "the sheet lists no samples")]
    reads = _reads(sheet, run_info)
    faults = [*_check_samples(sheet), *_check_settings(sheet)]
    if sheet.kind != ONT:
        faults += _check_lanes(sheet, run_info)
        faults += _check_cycles(sheet, run_info)
        faults += _check_overrides(sheet, reads)
        faults += check_indexes(sheet, reads, run_info.lanes if run_info else 0)
    return sorted(faults, key=lambda fault: fault.line or 0)


def _reads(sheet: Sheet, run_info: RunInfo | None) -> dict[str, int]:
    """Return the cycles of each read in the order of sequencing, by the run if it is known, otherwise by the sheet.

    Empty if the sheet does not say enough: v1 has no cycles of index reads.
    """
    if run_info is not None:
        return {name: read.cycles for name, read in run_info.named_reads.items()}
    reads = {read: sheet.cycles[read] for read in ("R1", "I1", "I2", "R2") if sheet.cycles.get(read)}
    plans_indexes = "I1" in reads or not any(sample.index for sample in sheet.samples)
    return reads if sheet.kind == ILLUMINA_V2 and plans_indexes else {}


def _check_samples(sheet: Sheet) -> Iterator[Fault]:
    spellings: dict[str, list[str]] = {}
    for sample in sheet.samples:
        if not sample.sample_id:
            yield finding("sample_id_missing", "the row has no Sample_ID", sample.line)
            continue
        yield from _check_sample_id(sheet, sample)
        alike = spellings.setdefault(sample.sample_id.lower(), [sample.sample_id])
        if sample.sample_id not in alike:
            message = f"{sample.sample_id} differs from {alike[0]} only in upper and lower case"
            yield finding("sample_ids_alike", message, sample.line, sample.sample_id)
            alike.append(sample.sample_id)


def _check_sample_id(sheet: Sheet, sample: SheetSample) -> Iterator[Fault]:
    name = sample.sample_id
    if sheet.kind not in (AVITI, ONT) and not SAMPLE_ID.fullmatch(name):
        illegal = "".join(dict.fromkeys(character for character in name if not SAMPLE_ID.fullmatch(character)))
        message = f"the Sample_ID {name!r} has characters that are not allowed: {illegal!r}"
        yield finding("sample_id_characters", message, sample.line, name)
    is_reserved = (
        name.lower() in RESERVED if sheet.kind == ILLUMINA_V2 else name.lower() in ("undetermined", "unassigned")
    )
    if is_reserved:
        yield finding("sample_id_reserved", f"a sample must not be called {name}", sample.line, name)


def _check_settings(sheet: Sheet) -> Iterator[Fault]:
    for section in (sheet.sections.get(name) for name in SECTIONS_OF_SETTINGS):
        if section is None or sheet.kind == AVITI:
            continue
        values: dict[str, str] = {}
        for row in section.rows:
            key, value = row.cells[0], row.cells[1] if len(row.cells) > 1 else ""
            if values.setdefault(key.lower(), value) != value:
                yield finding("setting_repeated", f"{key} is set a second time, to another value", row.line)


def _check_lanes(sheet: Sheet, run_info: RunInfo | None) -> Iterator[Fault]:
    has_lanes = any(sample.lanes for sample in sheet.samples)
    if has_lanes and not all(sample.lanes for sample in sheet.samples):
        first = next(sample for sample in sheet.samples if not sample.lanes)
        yield finding("lanes_mixed", "this row has no lane, but others have", first.line, first.sample_id)
    count = run_info.lanes if run_info else 0
    for sample in sheet.samples:
        for lane in sample.lanes:
            if lane == 0 or (count and lane > count):
                known = f"; the flow cell has {count}" if count else ""
                yield finding("lane_unknown", f"there is no lane {lane}{known}", sample.line, sample.sample_id)


def _check_cycles(sheet: Sheet, run_info: RunInfo | None) -> Iterator[Fault]:
    """Compare the planned cycles with those of the run. A read that the sheet does not name is not compared."""
    if run_info is None or sheet.kind == AVITI:
        return
    actual = {name: read.cycles for name, read in run_info.named_reads.items()}
    section = sheet.sections.get("reads")
    for read, planned in sheet.cycles.items():
        if planned != actual.get(read, 0):
            message = f"the sheet plans {planned} cycles of {read}, and the run has {actual.get(read, 0)}"
            yield finding("cycles_differ", message, section.line if section else None)


def _check_overrides(sheet: Sheet, reads: dict[str, int]) -> Iterator[Fault]:
    """Check OverrideCycles in the settings and in each row; the same text is reported once."""
    lines = {sheet.setting("OverrideCycles"): _setting_line(sheet, "overridecycles")}
    for sample in sheet.samples:
        lines.setdefault(sample.column("OverrideCycles"), sample.line)
    for text, line in lines.items():
        if not text or not reads:
            continue
        try:
            cycles = parse_override(text, reads)
        except ValueError as error:
            yield finding("override_cycles", f"OverrideCycles is {text[:60]!r}: {error}", line)
        else:
            yield from _check_sums(cycles, reads, line)


def _check_sums(cycles: dict[str, Cycles], reads: dict[str, int], line: int | None) -> Iterator[Fault]:
    for read, counts in cycles.items():
        if sum(counts.values()) != reads[read]:
            message = f"OverrideCycles has {sum(counts.values())} cycles of {read}, and the run has {reads[read]}"
            yield finding("override_cycles_sum", message, line)


def _setting_line(sheet: Sheet, key: str) -> int | None:
    rows = [row for name in SECTIONS_OF_SETTINGS if name in sheet.sections for row in sheet.sections[name].rows]
    return next((row.line for row in rows if row.cells[0].lower() == key), None)
