"""The samples of a run: what its sheet promises, and what came.

Files are joined to samples by name and lane, and never by index: the reports of a NovaSeq X have the second index as
its reverse complement, in all rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from seqdrop.runs.expected import Expectation, expect
from seqdrop.runs.read_names import is_empty, is_index_read, is_undetermined, parse_read_name
from seqdrop.runs.sample_names import SampleNames
from seqdrop.runs.sample_status import COMPLETE, EMPTY, INCOMPLETE, MISSING, PLANNED, UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seqdrop.runs.files import RunFile
    from seqdrop.runs.read_names import ReadFileName
    from seqdrop.runs.run_info import RunInfo
    from seqdrop.runs.sheets.sheet import Sheet
    from seqdrop.runs.verdicts import JudgedSample

__all__ = ["SampleRow", "SampleTable", "as_json", "as_tsv", "is_index_read", "is_undetermined", "sample_table"]

COLUMNS = ("sample_id", "project", "status", "lanes", "reads", "files", "bytes", "missing")
JUDGED = ("verdict", "reasons", "records", "bases", "q30", "n", "duplicates", "mean_length")
ANALYSIS = re.compile(r"(?:^|/)Analysis/(\d+)/", re.IGNORECASE)


@dataclass(frozen=True)
class SampleRow:
    """A sample of a run.

    `status` is COMPLETE, INCOMPLETE (a read or a lane is missing), EMPTY (all its FASTQ files have no reads), MISSING
    (no file, but other samples have some), PLANNED (the run has no file with reads yet: it is not demultiplexed, or
    elsewhere), or UNEXPECTED (files, but not in the sheet). `lanes` are those in the names of its files. `files` has
    the paths by read (R1, R2, I1, hifi_reads …), `bytes` is the sum of their sizes. `missing` names what is not there:
    `R2`, `L003`, `L003 R2`.
    """

    sample_id: str
    project: str
    status: str
    lanes: tuple[int, ...]
    files: dict[str, tuple[str, ...]]
    bytes: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class SampleTable:
    """The samples of a run in the order of its sheet, then the unexpected ones by name.

    If the run has no file with reads, no sample is missing: all are PLANNED.
    `undetermined_share` is the share of `undetermined_bytes` in the bytes of all files with reads, from 0 to 1; None if
    the run has no such file.
    """

    rows: tuple[SampleRow, ...]
    undetermined_bytes: int
    undetermined_share: float | None

    @property
    def missing(self) -> tuple[str, ...]:
        """The samples of the sheet without any file."""
        return tuple(row.sample_id for row in self.rows if row.status == MISSING)

    @property
    def unexpected(self) -> tuple[str, ...]:
        """The samples of files that are not in the sheet."""
        return tuple(row.sample_id for row in self.rows if row.status == UNEXPECTED)


def sample_table(sheet: Sheet | None, files: Iterable[RunFile], run_info: RunInfo | None = None) -> SampleTable:
    """Return the table of a run's samples; without a sheet, that of the samples in names of files.

    Only the latest on-board analysis (`Analysis/2` of 1 and 2) counts. `run_info` says which reads and lanes to expect;
    without it, the sheet does, and without cycles there, the files of other samples do.
    """
    reads = _latest_analysis([(parsed, file) for file in files if (parsed := parse_read_name(file.name))])
    total = sum(file.size for _, file in reads)
    undetermined = sum(file.size for parsed, file in reads if parsed.is_undetermined)
    names = SampleNames(sheet)
    by_sample: dict[str, list[tuple[ReadFileName, RunFile]]] = defaultdict(list)
    for parsed, file in reads:
        if not parsed.is_undetermined:
            by_sample[names.identify(parsed)].append((parsed, file))
    expectation = expect(sheet, run_info, [parsed for entries in by_sample.values() for parsed, _ in entries])
    order = [*names.sample_ids, *sorted(set(by_sample) - set(names.sample_ids))]
    absent = MISSING if reads else PLANNED
    rows = tuple(_row(sample, by_sample.get(sample, []), names, expectation, absent) for sample in order)
    return SampleTable(rows, undetermined, undetermined / total if total else None)


def _latest_analysis(reads: list[tuple[ReadFileName, RunFile]]) -> list[tuple[ReadFileName, RunFile]]:
    """Leave out the files of earlier on-board analyses, whose samples would come twice."""
    numbers = {file.name: int(match[1]) for _, file in reads if (match := ANALYSIS.search(file.name))}
    latest = max(numbers.values(), default=0)
    return [(parsed, file) for parsed, file in reads if numbers.get(file.name, latest) == latest]


def _row(
    sample: str, entries: list[tuple[ReadFileName, RunFile]], names: SampleNames, expectation: Expectation, absent: str
) -> SampleRow:
    """Return the row of a sample; `absent` is its status if it has no file."""
    files: dict[str, list[str]] = defaultdict(list)
    for parsed, file in entries:
        files[parsed.read].append(file.name)
    is_expected = bool(entries) and names.knows(sample)
    missing = expectation.missing(sample, [parsed for parsed, _ in entries]) if is_expected else ()
    return SampleRow(
        sample_id=sample,
        project=names.projects.get(sample, ""),
        status=_status(entries, bool(missing), names.knows(sample)) if entries else absent,
        lanes=tuple(sorted({parsed.lane for parsed, _ in entries if parsed.lane})),
        files={read: tuple(sorted(files[read])) for read in sorted(files)},
        bytes=sum(file.size for _, file in entries),
        missing=missing,
    )


def _status(entries: list[tuple[ReadFileName, RunFile]], lacks_files: bool, is_known: bool) -> str:
    if not is_known:
        return UNEXPECTED
    if lacks_files:
        return INCOMPLETE
    return EMPTY if all(is_empty(file.name, file.size) for _, file in entries) else COMPLETE


def as_tsv(table: SampleTable, judged: Mapping[str, JudgedSample] | None = None) -> str:
    """Return the table as tab-separated text with a line of its columns; docs/sample-sheets.md describes them.

    They are COLUMNS and, if `judged` has the verdict and the figures of each sample by its id, JUDGED.
    """
    lines = ["\t".join((*COLUMNS, *JUDGED) if judged else COLUMNS)]
    for row in table.rows:
        cells = (
            row.sample_id,
            row.project,
            row.status,
            "+".join(map(str, row.lanes)),
            "+".join(read for read in row.files if read),
            str(sum(map(len, row.files.values()))),
            str(row.bytes),
            "; ".join(row.missing),
            *(_judged_cells(judged[row.sample_id]) if judged else ()),
        )
        lines.append("\t".join(" ".join(cell.split()) for cell in cells))
    return "\n".join(lines) + "\n"


def _judged_cells(sample: JudgedSample) -> Iterator[str]:
    yield sample["verdict"]
    yield "; ".join(reason["text"] for reason in sample["reasons"])
    figures = sample["figures"]
    for name in ("reads", "bases", "q30", "n", "duplicates", "length"):
        value = figures.get(name) if figures else None
        yield "" if value is None else str(value)


class SampleEntry(TypedDict):
    """A row of the table in JSON; the fields are those of `SampleRow`."""

    sample_id: str
    project: str
    status: str
    lanes: list[int]
    files: dict[str, list[str]]
    bytes: int
    missing: list[str]


class SampleDocument(TypedDict):
    """The table in JSON; the fields are those of `SampleTable`."""

    samples: list[SampleEntry]
    missing: list[str]
    unexpected: list[str]
    undetermined_bytes: int
    undetermined_share: float | None


def as_json(table: SampleTable) -> SampleDocument:
    """Return the table as an object for JSON."""
    return {
        "samples": [
            {
                "sample_id": row.sample_id,
                "project": row.project,
                "status": row.status,
                "lanes": list(row.lanes),
                "files": {read: list(names) for read, names in row.files.items()},
                "bytes": row.bytes,
                "missing": list(row.missing),
            }
            for row in table.rows
        ],
        "missing": list(table.missing),
        "unexpected": list(table.unexpected),
        "undetermined_bytes": table.undetermined_bytes,
        "undetermined_share": table.undetermined_share,
    }
