"""A uniform sample of a file's records, in one pass and in bounded memory.

Record n of every file has the same priority: the n-th draw of a generator that the analysis's `seed` starts. The
records of lowest priority are kept. So the sample is a matter of record numbers alone:

- the same bytes give the same sample, whenever and under whatever name they are dropped;
- mates stay together: R1 and R2 give the same reads;
- a larger `max_reads` keeps all that a smaller one kept;
- it may shrink while it is drawn and is still a sample: where records are so long that `max_reads` of them outgrow
  the memory or the windows of a job, those of highest priority go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from random import Random

from seqdrop.config.analyses import Analysis
from seqdrop.errors import Fault, InvalidFile
from seqdrop.reads.records import Record
from seqdrop.segments import window_counter

HELD = 800_000_000  # bytes of records in memory; validate has 1,769 MB
ADVICE = "Cut the record, or drop the file under raw/, which has no model."
OVERHEAD = 350  # bytes that Python needs for a record which is held, beside its letters


def weight(record: Record) -> int:
    """Bytes of memory that a record takes while it is held, without its quality."""
    return len(record.sequence) + len(record.name) + OVERHEAD


def sample(records: Iterable[Record], analysis: Analysis, room: int = HELD) -> Iterator[Record]:
    """At most `max_reads` of the records, in their order, without qualities. Reads them all before the first.

    Raises InvalidFile if a record is so large that there is no room for any.
    """
    drawn = Sample(analysis, room)
    for record in records:
        drawn.offer(record)
    if drawn.crowded_out:
        raise InvalidFile(Fault("too_many_windows", "a single record has more windows than a job takes", ADVICE))
    yield from drawn.records()


class Sample:
    """The records of lowest priority among those offered: `max_reads` of them, or as many as there is room for."""

    def __init__(self, analysis: Analysis, room: int = HELD):
        self._most, self._room, self._windows_room = analysis.use.max_reads, room, analysis.job.max_windows
        self._draw, self._windows_in = Random(analysis.use.seed).random, window_counter(analysis.use)
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
        self._windows += sign * self._windows_in(len(record.sequence))
