"""A uniform sample of a file's records, in one pass and in bounded memory.

Record n of every file has the same priority: the n-th draw of a generator that the analysis's `seed` starts. The
records of lowest priority are kept. So the sample is a matter of record numbers alone:

- the same bytes give the same sample, whenever and under whatever name they are dropped;
- mates stay together: R1 and R2 give the same reads;
- a larger `max_reads` keeps all that a smaller one kept;
- it may shrink while it is drawn and is still a sample: where records are so long that `max_reads` of them outgrow
  the memory or the windows of a job, those of highest priority go.

Identical reads as one, with their number: amplicons and small RNA repeat the same few sequences millions of times.

Reads are identical if all their letters are, upper or lower case (the model knows no case; U is not T to it).

What of a file the model is to see: all records or a sample, each for itself or identical ones once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from seqdrop.companions.bed_masks import BedMasks  # needs numpy, which not all that import this have
    from seqdrop.config.analyses import Analysis
    from seqdrop.config.kind import Sampling
    from seqdrop.report.schema import SelectionFacts

HELD = 800_000_000  # bytes of records in memory; validate has 1,769 MB
ADVICE = "Cut the record, or drop the file under raw/, which has no model."
OVERHEAD = 350  # bytes that Python needs for a record which is held, beside its letters


def weight(record: Record) -> int:
    """Bytes of memory that a record takes while it is held, without its quality."""
    return len(record.sequence) + len(record.name) + OVERHEAD


Counter = Callable[[Record], int]
"""From a record to how many predictions the model makes for it."""


def sample(
    records: Iterable[Record], sampling: Sampling, count: Counter, most: int, room: int = HELD
) -> Iterator[Record]:
    """Yield at most `max_reads` of the records, in their order, without qualities. Reads them all before the first.

    They hold no more than `most` predictions by `count`. Raises InvalidFileError if a record is so large that
    there is no
    room for any.
    """
    drawn = Sample(sampling, count, most, room)
    for record in records:
        drawn.offer(record)
    if drawn.crowded_out:
        raise InvalidFileError(Fault("too_many_windows", "a single record has more windows than a job takes", ADVICE))
    yield from drawn.records()


class Sample:
    """The records of lowest priority among those offered: `max_reads` of them, or as many as there is room for."""

    def __init__(self, sampling: Sampling, count: Counter, most: int, room: int = HELD):
        self._most, self._room, self._windows_room = sampling.max_reads, room, most
        self._draw, self._windows_in = Random(sampling.seed).random, count
        self._bound = 1.0  # no record from this priority on is kept any more
        self._held: list[tuple[float, int, Record]] = []  # highest priority first: a heap of negated ones
        self._size = self._windows = 0

    def offer(self, record: Record) -> None:
        """Take a record or leave it. To be called with every record of the file, in order."""
        priority = self._draw()
        if priority >= self._bound:
            return
        heappush(self._held, (-priority, record.number, record._replace(quality=None)))
        self._count(record, 1)
        while self._held and self._too_much():
            highest, _, dropped = heappop(self._held)
            self._bound = -highest
            self._count(dropped, -1)

    @property
    def crowded_out(self) -> bool:
        """Whether something was offered and nothing is left."""
        return self._bound < 1 and not self._held

    def records(self) -> Iterator[Record]:
        """What is held, by record number."""
        return (record for _, _, record in sorted(self._held, key=lambda held: held[1]))

    def _too_much(self) -> bool:
        return len(self._held) > self._most or self._size > self._room or self._windows > self._windows_room

    def _count(self, record: Record, sign: int) -> None:
        self._size += sign * weight(record)
        self._windows += sign * self._windows_in(record)


def collapse_identical(records: Iterable[Record], room: int = HELD) -> Iterator[tuple[Record, int]]:
    """(the first of some identical records, in upper case; how many there are), in the order of the first ones.

    The counts add up to the number of records. No more than `room` bytes are held: where the distinct sequences of
    a file outgrow them, they are handed on and counting starts anew, so one that recurs later is there again.
    """
    held: dict[bytes, list] = {}
    size = 0
    for record in records:
        letters = record.sequence if record.sequence.isupper() else record.sequence.upper()
        if same := held.get(letters):
            same[1] += 1
            continue
        size += weight(record)
        if held and size > room:
            yield from _counted(held)
            held, size = {}, weight(record)
        held[letters] = [Record(record.number, record.name, letters), 1]
    yield from _counted(held)


def keep_identical(records: Iterable[Record]) -> Iterator[tuple[Record, int]]:
    """Each record for itself."""
    return ((record, 1) for record in records)


def _counted(held: dict[bytes, list]) -> Iterator[tuple[Record, int]]:
    return ((record, count) for record, count in held.values())


Counted = Iterator[tuple[Record, int]]  # records, each with how many identical ones it stands for


class Selection:
    """Iterate `of` to the end; then `taken` records are selected, of which `distinct` go to the model.

    `masks` are a BED's, where one belongs to the file.
    """

    def __init__(self, analysis: Analysis, masks: BedMasks | None = None):
        self.taken = self.distinct = 0
        self._analysis, self._count = analysis, analysis.kind.counter(analysis, masks)

    def of(self, records: Iterable[Record]) -> Counted:
        """Yield the records that go to the model. Raises InvalidFileError above the analysis's `max_windows`."""
        sampling = self._analysis.sampling
        if sampling.max_reads:
            records = sample(records, sampling, self._count, self._analysis.job.max_windows)
        for record, count in self._within_bounds(
            collapse_identical(records) if sampling.collapse else keep_identical(records)
        ):
            self.taken += count
            self.distinct += 1
            yield record, count

    def _within_bounds(self, counted: Counted) -> Counted:
        """Yield until they hold more predictions than one Lambda can import (a sample never does)."""
        total, most = 0, self._analysis.job.max_windows
        for record, count in counted:
            total += self._count(record)
            if total > most:
                raise InvalidFileError(self._analysis.kind.too_many(self._analysis))
            yield record, count


def describe_selection(analysis: Analysis, records: int, taken: int, distinct: int) -> SelectionFacts:
    """Return how the model's input came out of a file of `records` records, as reports and summaries tell it."""
    sampling = analysis.sampling
    facts: SelectionFacts = {
        "analysis": analysis.name,
        "records": records,
        "taken": taken,
        "max_reads": sampling.max_reads,
    }
    if sampling.max_reads:
        facts["seed"] = sampling.seed
    if sampling.collapse:
        facts["distinct"] = distinct
    return facts
