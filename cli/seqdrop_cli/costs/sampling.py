"""The number of records and predictions of a file, from its first megabytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.records import as_dna

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import SupportsRead
    from seqdrop.config.analyses import Analysis
    from seqdrop.errors import Fault

SAMPLE = 8 << 20  # bytes of a file that are read, as they are on disk
# Errors that the end of a sample may cause, also in a sound file.
AT_END = {"gzip_truncated", "gzip_trailer_cut", "bgzf_no_eof", "bam_corrupt", "truncated", "empty_record"} | {
    "mates_out_of_step",
    "mates_unequal_counts",
    "length_mismatch",
}


@dataclass(frozen=True)
class Content:
    """The content of a file as the model sees it. `is_exact` is False if the numbers are extrapolated."""

    records: int
    windows: int
    is_exact: bool
    fault: str = ""
    """Message of the first error in the part that was read; "" if there is none."""


class Start:
    """A stream of the first `size` bytes of another stream."""

    def __init__(self, raw: SupportsRead[bytes], size: int) -> None:
        self._raw, self._left = raw, size

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none after the last byte of the start."""
        block = self._raw.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block


def sample_file(path: Path, analysis: Analysis, sample: int = SAMPLE) -> Content:
    """Return the records of a file, and the predictions of the analysis's model for those that it sees.

    The first `sample` bytes are read, or more if that is less than one record, and the rest of the file is assumed to
    be like them. A sample of `max_reads` records is taken into account; `collapse` and the masks of a BED are not.
    Raise OSError if the file cannot be read.
    """
    size = path.stat().st_size
    while True:
        is_exact = size <= sample
        records, windows, fault = _count(path, analysis, sample, is_exact)
        if records or fault or is_exact:
            break
        sample *= 4
    share = 1.0 if is_exact else size / sample
    total = records * share
    most = min(total, analysis.sampling.max_reads or total)
    return Content(round(total), round(windows / records * most) if records else 0, is_exact, fault)


def _count(path: Path, analysis: Analysis, sample: int, is_exact: bool) -> tuple[int, int, str]:
    """Return the records and predictions in the start of a file, and the message of an error that is in the file."""
    count, records, windows = analysis.kind.counter(analysis), 0, 0
    with path.open("rb") as file:
        reading = Reading(Start(file, sample), analysis.formats, name=path.name, alphabet=analysis.alphabet)
        try:
            for record in reading.records():
                records += 1
                windows += count(as_dna(record))
        except InvalidFileError as error:
            faults = [fault for fault in error.errors if is_exact or not _is_of_the_cut(fault, reading.number)]
            return records, windows, faults[0].message if faults else ""
    return records, windows, ""


def _is_of_the_cut(fault: Fault, records: int) -> bool:
    """Return True if the end of a sample with this number of records may be the cause of a fault."""
    return fault.code in AT_END or (fault.record or 0) >= records
