"""Which reads and lanes each sample of a run should have files of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.runs.sheets.cycles import parse_override
from seqdrop.runs.sheets.sheet import AVITI, ILLUMINA_V1, ILLUMINA_V2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.runs.read_names import ReadFileName
    from seqdrop.runs.run_info import RunInfo
    from seqdrop.runs.sheets.sheet import Sheet

TRUE = {"1", "true", "yes"}


@dataclass(frozen=True)
class Expectation:
    """The reads that each sample should have, and the lanes by sample; a sample without an entry is in `all_lanes`."""

    reads: tuple[str, ...]
    lanes: dict[str, frozenset[int]]
    all_lanes: frozenset[int]

    def missing(self, sample: str, files: list[ReadFileName]) -> tuple[str, ...]:
        """Return what is missing from a sample that has files: `L003`, `L003 R2`, or `R2` if lanes are not split."""
        present = {(file.lane, file.read) for file in files}
        lanes = sorted({lane for lane, _ in present if lane})
        if not lanes:
            return tuple(read for read in self.reads if (0, read) not in present)
        absent = []
        for lane in sorted({*lanes, *self.lanes.get(sample, self.all_lanes)}):
            reads = [read for read in self.reads if (lane, read) not in present]
            absent += [f"L{lane:03}"] if lane not in lanes else [f"L{lane:03} {read}" for read in reads]
        return tuple(absent)


def expect(sheet: Sheet | None, run_info: RunInfo | None, files: Iterable[ReadFileName]) -> Expectation:
    """Return what to expect of each sample of a run.

    Reads are expected of Illumina and AVITI only: other instruments write one file, or an unknown number of files. All
    lanes are expected only of the samples of a sheet whose rows have no lane.
    """
    lanes: dict[str, set[int]] = {}
    for sample in sheet.samples if sheet else ():
        if sample.lanes:
            lanes.setdefault(sample.sample_id, set()).update(sample.lanes)
    count = run_info.lanes if run_info and sheet and sheet.samples else 0
    return Expectation(
        reads=_expected_reads(sheet, run_info, files),
        lanes={sample: frozenset(numbers) for sample, numbers in lanes.items()},
        all_lanes=frozenset(range(1, count + 1)),
    )


def _expected_reads(sheet: Sheet | None, run_info: RunInfo | None, files: Iterable[ReadFileName]) -> tuple[str, ...]:
    """Return R1, R2 … of the run, by its instrument, its sheet, or the files of any sample."""
    numbered = {file.read for file in files if file.read[:1] == "R" and file.read[1:].isdigit()}
    cycles: dict[str, int] = {}
    if run_info is not None:
        cycles = {name: read.cycles for name, read in run_info.named_reads.items()}
    elif sheet is not None and sheet.kind in (ILLUMINA_V1, ILLUMINA_V2, AVITI):
        cycles = sheet.cycles
    reads = [read for read in cycles if read[0] == "R"]
    if not reads:
        return tuple(sorted(numbered))
    if sheet is not None:
        reads = [read for read in reads if read in _written_reads(sheet, cycles, reads)]
    return tuple(sorted(reads))


def _written_reads(sheet: Sheet, cycles: dict[str, int], reads: list[str]) -> set[str]:
    """Return the reads with cycles of bases in every OverrideCycles: one of identifiers alone may have no file."""
    texts = {sheet.setting("OverrideCycles"), *(sample.column("OverrideCycles") for sample in sheet.samples)} - {""}
    written = set(reads)
    for text in texts:
        try:
            counts = parse_override(text, cycles)
        except ValueError:
            continue  # the check of the sheet reports it
        written &= {read for read in reads if counts.get(read, {}).get("Y")}
    return written
