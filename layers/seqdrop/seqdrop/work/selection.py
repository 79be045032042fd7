"""Select the records that the model scores: all or a sample, and identical ones singly or only once.

A sample is uniform and is drawn in one pass and in bounded memory. The priority of record n is the n-th number that a
random generator draws, and the analysis's `seed` starts the generator, so record n of every file has the same priority.
The records with the lowest priorities are kept. The sample therefore depends on record numbers alone:

- the same bytes give the same sample, at any time and under any name;
- mates stay together: R1 and R2 give the same reads;
- a sample with a larger `max_reads` contains the sample with a smaller one;
- if `max_reads` records exceed the memory or the windows of a job, those with the highest priorities are dropped, and
  the rest is still a uniform sample.

Identical reads can be scored once, together with their number: amplicons and small RNA repeat few sequences millions of
times. Reads are identical if their bases are, regardless of case, which the model ignores, and of U or T: records of
RNA come here spelled as DNA (`reads.records.as_dna`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from seqdrop.companions.bed_masks import BedMasks  # needs numpy, which not every importer of this module has
    from seqdrop.config.analyses import Analysis
    from seqdrop.config.kind import Sampling
    from seqdrop.report.schema import SelectionFacts

MAX_MEMORY = 800_000_000  # bytes of records; the validate function has 1,769 MB
SINGLE_RECORD = "a single record has more windows than a job may have"
ADVICE = "Split the record into shorter ones, or drop the file under raw/, which has no model."
OVERHEAD = 350  # bytes that Python needs for a record besides its bases

Counter = Callable[[Record], int]
"""A function from a record to the number of predictions that the model makes for it."""
CountedRecords = Iterator[tuple[Record, int]]
"""Records, each with the number of identical records that it represents."""


def weight(record: Record) -> int:
    """Return the bytes of memory that a record takes without its quality."""
    return len(record.sequence) + len(record.name) + OVERHEAD


@dataclass(frozen=True)
class Bounds:
    """The most `records`, `windows` (predictions) and bytes of `memory` that a sample may have."""

    records: int
    windows: int
    memory: int = MAX_MEMORY


def sample(records: Iterable[Record], seed: int, bounds: Bounds, count: Counter) -> Iterator[Record]:
    """Yield a sample of the records in their order, without qualities. All records are read before any is yielded.

    `count` returns the number of predictions for a record. Raise InvalidFileError if the sample is empty because one
    record alone exceeds the bounds.
    """
    drawn = Sample(seed, bounds, count)
    for record in records:
        drawn.offer(record)
    if drawn.is_crowded_out:
        raise InvalidFileError(Fault("too_many_windows", SINGLE_RECORD, ADVICE))
    yield from drawn.records()


class Sample:
    """The records with the lowest priorities among those offered, up to the bounds."""

    def __init__(self, seed: int, bounds: Bounds, count: Counter) -> None:
        self._bounds = bounds
        self._draw = Random(seed).random
        self._count_windows = count
        self._limit = 1.0  # records with this or a higher priority are dropped
        self._kept: list[tuple[float, int, Record]] = []  # a heap of negated priorities: the highest priority is first
        self._size = 0
        self._windows = 0

    def offer(self, record: Record) -> None:
        """Keep or drop a record. Call it with every record of the file, in order."""
        priority = self._draw()
        if priority >= self._limit:
            return
        heappush(self._kept, (-priority, record.number, record._replace(quality=None)))
        self._count(record, 1)
        while self._kept and self._exceeds_bounds():
            negated, _, dropped = heappop(self._kept)
            self._limit = -negated
            self._count(dropped, -1)

    @property
    def is_crowded_out(self) -> bool:
        """Whether a single record exceeded the bounds, so that no record is left."""
        return self._limit < 1 and not self._kept

    def records(self) -> Iterator[Record]:
        """Return the records of the sample, ordered by number."""
        return (record for _, _, record in sorted(self._kept, key=lambda entry: entry[1]))

    def _exceeds_bounds(self) -> bool:
        bounds = self._bounds
        return len(self._kept) > bounds.records or self._size > bounds.memory or self._windows > bounds.windows

    def _count(self, record: Record, sign: int) -> None:
        self._size += sign * weight(record)
        self._windows += sign * self._count_windows(record)


def collapse_identical(records: Iterable[Record], max_memory: int = MAX_MEMORY) -> CountedRecords:
    """Yield (record, count) for each group of identical records: the first of them, in upper case, and their number.

    Groups are in the order of their first records, and the counts add up to the number of records. If the distinct
    sequences exceed `max_memory` bytes, the groups so far are yielded and counting starts again; a sequence that recurs
    later is then yielded again.
    """
    groups: dict[bytes, _Group] = {}
    size = 0
    for record in records:
        bases = record.sequence if record.sequence.isupper() else record.sequence.upper()
        if group := groups.get(bases):
            group.count += 1
            continue
        size += weight(record)
        if groups and size > max_memory:
            yield from _counted(groups)
            groups = {}
            size = weight(record)
        groups[bases] = _Group(Record(record.number, record.name, bases))
    yield from _counted(groups)


@dataclass(slots=True)
class _Group:
    """A group of identical records: the first one and their number."""

    first: Record
    count: int = 1


def _counted(groups: dict[bytes, _Group]) -> CountedRecords:
    return ((group.first, group.count) for group in groups.values())


def keep_identical(records: Iterable[Record]) -> CountedRecords:
    """Yield (record, 1) for each record."""
    return ((record, 1) for record in records)


class Selection:
    """The selection of records for the model. `masks` are the intervals of the BED that belongs to the file, if any.

    After `of` was iterated to its end, `taken` is the number of selected records, `distinct` the number of those that
    go to the model, and `windows` the number of its predictions for them.
    """

    def __init__(self, analysis: Analysis, masks: BedMasks | None = None) -> None:
        self.taken = 0
        self.distinct = 0
        self.windows = 0
        self._analysis = analysis
        self._count: Counter = analysis.kind.counter(analysis, masks)

    def of(self, records: Iterable[Record]) -> CountedRecords:
        """Yield the records for the model. Raise InvalidFileError if they exceed the analysis's `max_windows`."""
        sampling: Sampling = self._analysis.sampling
        if sampling.max_reads:
            bounds = Bounds(sampling.max_reads, self._analysis.job.max_windows)
            records = sample(records, sampling.seed, bounds, self._count)
        counted = collapse_identical(records) if sampling.collapse else keep_identical(records)
        for record, count in self._within_bounds(counted):
            self.taken += count
            self.distinct += 1
            yield record, count

    def _within_bounds(self, counted: CountedRecords) -> CountedRecords:
        """Yield the records. Raise InvalidFileError if they have more predictions than one Lambda function can import.

        This never happens to a sample, which is cut to the bounds.
        """
        for record, count in counted:
            self.windows += self._count(record)
            if self.windows > self._analysis.job.max_windows:
                raise InvalidFileError(self._analysis.kind.too_many(self._analysis))
            yield record, count


def describe_selection(analysis: Analysis, records: int, taken: int, distinct: int) -> SelectionFacts:
    """Return how `taken` of the `records` records of a file were selected, for reports and summaries."""
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
