"""The records of a file that the model sees: all of them or a sample, each one or identical ones once.

A sample is uniform and is drawn in one pass and bounded memory. Record n of every file has the same priority: the n-th
draw of a generator that the analysis's `seed` starts. The records with the lowest priorities are kept. The sample
therefore depends on record numbers alone:

- the same bytes give the same sample, at any time and under any name;
- mates stay together: R1 and R2 give the same reads;
- a larger `max_reads` keeps all records of a smaller one;
- a sample that shrinks while it is drawn is still a sample: if `max_reads` records exceed the memory or the windows
  of a job, those with the highest priorities are dropped.

Identical reads can be scored once, with their number: amplicons and small RNA repeat the same few sequences millions of
times. Reads are identical if all their bases are, in upper or lower case (the model ignores case; U and T differ).
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
ADVICE = "Cut the record, or drop the file under raw/, which has no model."
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
    """The largest sample: `records`, and `windows` (predictions) and `memory` in bytes that they may take."""

    records: int
    windows: int
    memory: int = MAX_MEMORY


def sample(records: Iterable[Record], seed: int, bounds: Bounds, count: Counter) -> Iterator[Record]:
    """Yield a sample of the records in their order, without qualities. Read all records before the first is yielded.

    `count` returns the predictions of a record. Raise InvalidFileError if a single record exceeds the bounds, so that
    the sample is empty.
    """
    drawn = Sample(seed, bounds, count)
    for record in records:
        drawn.offer(record)
    if drawn.is_crowded_out:
        raise InvalidFileError(Fault("too_many_windows", "a single record has more windows than a job takes", ADVICE))
    yield from drawn.records()


class Sample:
    """The records with the lowest priorities among those offered, as many as the bounds allow."""

    def __init__(self, seed: int, bounds: Bounds, count: Counter) -> None:
        self._bounds = bounds
        self._draw = Random(seed).random
        self._count_windows = count
        self._limit = 1.0  # records with this priority or a higher one are no longer kept
        self._kept: list[tuple[float, int, Record]] = []  # a heap of negated priorities: the highest priority is first
        self._size = 0
        self._windows = 0

    def offer(self, record: Record) -> None:
        """Keep or drop a record. Must be called with every record of the file, in order."""
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
        """Whether records were offered and none is left."""
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
    """Yield (first of the identical records, in upper case; their number), in the order of the first ones.

    The numbers add up to the number of records. At most `max_memory` bytes are used: if the distinct sequences of a
    file exceed them, they are yielded and counting starts again, so a sequence that recurs later is yielded again.
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
    """The first of some identical records, and their number."""

    first: Record
    count: int = 1


def _counted(groups: dict[bytes, _Group]) -> CountedRecords:
    return ((group.first, group.count) for group in groups.values())


def keep_identical(records: Iterable[Record]) -> CountedRecords:
    """Yield (record, 1) for each record."""
    return ((record, 1) for record in records)


class Selection:
    """The records for the model.

    Iterate `of` to the end; then `taken` records are selected, and `distinct` of them go to the model.

    `masks` are those of a BED, if one belongs to the file.
    """

    def __init__(self, analysis: Analysis, masks: BedMasks | None = None) -> None:
        self.taken = 0
        self.distinct = 0
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
        """Yield the records; raise InvalidFileError if they have more predictions than one Lambda function can import.

        A sample never has.
        """
        total = 0
        for record, count in counted:
            total += self._count(record)
            if total > self._analysis.job.max_windows:
                raise InvalidFileError(self._analysis.kind.too_many(self._analysis))
            yield record, count


def describe_selection(analysis: Analysis, records: int, taken: int, distinct: int) -> SelectionFacts:
    """Return how the model's input was selected from a file of `records` records, for reports and summaries."""
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
