"""The checks of indexes: their characters, their length, and whether the samples of a lane can be distinguished."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqdrop.runs.sheets.codes import finding
from seqdrop.runs.sheets.collisions import Barcode, find_collisions
from seqdrop.runs.sheets.cycles import parse_override
from seqdrop.runs.sheets.sheet import AVITI, ILLUMINA_V2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.errors import Fault
    from seqdrop.runs.sheets.sheet import Sheet, SheetSample

BASES = re.compile(r"[ACGTN]*")
INDEX_SET = re.compile(r"SI-[A-Z0-9]{2,3}-[A-H][0-9]{1,2}")  # such as SI-GA-A1, of 10x Genomics
DEFAULT_MISMATCHES = 1
MISMATCHES = ("0", "1", "2")
SETTINGS = {
    1: ("BarcodeMismatchesIndex1", "I1MismatchThreshold"),
    2: ("BarcodeMismatchesIndex2", "I2MismatchThreshold"),
}
NAMES_OF_SETTINGS = {name.lower() for names in SETTINGS.values() for name in names}


def check_indexes(sheet: Sheet, reads: dict[str, int], lanes: int) -> Iterator[Fault]:
    """Yield the findings on indexes. `reads` are the cycles of each read; `lanes` is 0 if their number is unknown."""
    yield from _check_settings(sheet)
    sound = set()
    for sample in sheet.samples:
        faults = [*_check_characters(sample), *_check_row_mismatches(sample)]
        yield from faults
        yield from _check_lengths(sheet, sample, reads)
        if not any(fault.code in ("index_characters", "index_set") for fault in faults):
            sound.add(sample.line)
    known: Known = {}
    for lane, samples in _by_lane(sheet, lanes).items():
        place = f" in lane {lane}" if lane else ""
        yield from _check_missing(samples)
        yield from _check_repeats(sheet, samples, place)
        rows = [sample for sample in samples if sample.line in sound and (sample.index or sample.index2)]
        for late, early in _find_collisions(sheet, lane, rows, known):
            yield _describe(sheet, rows[early], rows[late], place)


def _check_characters(sample: SheetSample) -> Iterator[Fault]:
    for title in ("Index", "Index2", "Index1"):
        cell = sample.column(title)
        if len(cell.split()) > 1:
            yield finding("index_blanks", f"{title} has blanks: {cell!r}", sample.line, sample.sample_id)
    for title, index in (("the index", sample.index), ("the second index", sample.index2)):
        if INDEX_SET.fullmatch(index):
            yield finding("index_set", f"{title} is the name of a set, {index}", sample.line, sample.sample_id)
        elif not BASES.fullmatch(index):
            yield finding("index_characters", f"{title} is {index[:40]!r}", sample.line, sample.sample_id)


def _check_settings(sheet: Sheet) -> Iterator[Fault]:
    """Check the mismatches that the settings allow; those of rows are in `_check_row_mismatches`."""
    for name in ("bclconvert_settings", "settings"):
        for row in sheet.sections[name].rows if name in sheet.sections else ():
            key, value = row.cells[0], row.cells[1] if len(row.cells) > 1 else ""
            if key.lower() in NAMES_OF_SETTINGS and not _is_allowed(value):
                yield finding("mismatches_value", f"{key} is {value[:20]!r}", row.line)


def _check_row_mismatches(sample: SheetSample) -> Iterator[Fault]:
    for name in (name for names in SETTINGS.values() for name in names):
        if not _is_allowed(value := sample.column(name)):
            yield finding("mismatches_value", f"{name} is {value[:20]!r}", sample.line, sample.sample_id)


def _is_allowed(mismatches: str) -> bool:
    return mismatches.lower() in ("", "na", *MISMATCHES)


def _mismatches(sheet: Sheet, sample: SheetSample, number: int) -> int:
    """Return the mismatches that are allowed in an index: by the row, then by the settings, then the default."""
    illumina, aviti = SETTINGS[number]
    name = aviti if sheet.kind == AVITI else illumina
    text = sample.column(name) or sheet.setting(name, next(iter(sample.lanes), 0))
    return int(text) if text in MISMATCHES else DEFAULT_MISMATCHES


def _check_lengths(sheet: Sheet, sample: SheetSample, reads: dict[str, int]) -> Iterator[Fault]:
    """Compare the length of each index with the index cycles of its read: by OverrideCycles, otherwise all of it."""
    if not reads:
        return
    available = _index_cycles(sheet, sample, reads)
    for read, index in (("I1", sample.index), ("I2", sample.index2)):
        cycles = available.get(read, 0)
        if not BASES.fullmatch(index) or not index:
            continue
        if len(index) > cycles:
            message = f"the index has {len(index)} bases, but {read} of the run has {cycles} index cycles"
            yield finding("index_too_long", message, sample.line, sample.sample_id)
        elif len(index) < cycles and sheet.kind == ILLUMINA_V2:
            message = f"the index has {len(index)} bases, and {read} of the run has {cycles} index cycles"
            yield finding("index_too_short", message, sample.line, sample.sample_id)


def _index_cycles(sheet: Sheet, sample: SheetSample, reads: dict[str, int]) -> dict[str, int]:
    text = sample.column("OverrideCycles") or sheet.setting("OverrideCycles")
    try:
        if text:
            return {read: counts.get("I", 0) for read, counts in parse_override(text, reads).items()}
    except ValueError:
        pass  # `override_cycles` reports it
    return reads


def _by_lane(sheet: Sheet, lanes: int) -> dict[int, list[SheetSample]]:
    """Return the rows of each lane; those of lane 0 if no row has a lane. Rows for all lanes are in each."""
    numbers = {lane for sample in sheet.samples for lane in sample.lanes}
    if numbers and any(not sample.lanes for sample in sheet.samples):
        numbers |= set(range(1, lanes + 1))
    return {
        lane: [sample for sample in sheet.samples if not sample.lanes or lane in sample.lanes]
        for lane in sorted(numbers) or [0]
    }


def _check_missing(samples: list[SheetSample]) -> Iterator[Fault]:
    if len({sample.sample_id for sample in samples}) < 2:
        return
    for sample in samples:
        if not sample.index and not sample.index2:
            yield finding("index_missing", "the row has no index", sample.line, sample.sample_id)


def _check_repeats(sheet: Sheet, samples: list[SheetSample], place: str) -> Iterator[Fault]:
    """Report a sample that has several rows in a lane. On an AVITI that is the way to give it several indexes."""
    first: dict[str, SheetSample] = {}
    same: dict[tuple[str, str, str], SheetSample] = {}
    for sample in (sample for sample in samples if sample.sample_id):
        early = first.setdefault(sample.sample_id, sample)
        equal = same.setdefault((sample.sample_id, sample.index, sample.index2), sample)
        if equal is not sample:
            message = f"{sample.sample_id} is in line {equal.line} already, with this index{place}"
            yield finding("row_repeated", message, sample.line, sample.sample_id)
        elif early is not sample and sheet.kind != AVITI:
            message = f"{sample.sample_id} is in line {early.line} already, with another index{place}"
            yield finding("sample_repeated", message, sample.line, sample.sample_id)


Known = dict[tuple[tuple[Barcode, ...], bool], list[tuple[int, int]]]
"""The collisions of the lanes so far: often all lanes of a flow cell have the same samples."""


def _find_collisions(sheet: Sheet, lane: int, rows: list[SheetSample], known: Known) -> list[tuple[int, int]]:
    """Return (later, earlier) positions in `rows`, the rows of a lane: for each that is too close to one before it."""
    independent = str(lane) in re.findall(r"\d+", sheet.setting("IndependentIndexCollisionCheck"))
    key = tuple(_barcode(sheet, sample) for sample in rows), independent
    if key not in known:
        known[key] = find_collisions(*key)
    return known[key]


def _barcode(sheet: Sheet, sample: SheetSample) -> Barcode:
    allowed, allowed2 = (_mismatches(sheet, sample, number) for number in SETTINGS)
    return Barcode(sample.sample_id, sample.index, sample.index2, allowed, allowed2)


def _describe(sheet: Sheet, early: SheetSample, late: SheetSample, place: str) -> Fault:
    where = f"line {early.line} ({early.sample_id}){place}"
    if (early.index, early.index2) == (late.index, late.index2):
        return finding("index_repeated", f"it has the same index as {where}", late.line, late.sample_id)
    code = "index_collision" if sheet.kind == ILLUMINA_V2 else "index_collision_possible"
    message = f"its index is too close to that of {where} for the mismatches that are allowed"
    return finding(code, message, late.line, late.sample_id)
