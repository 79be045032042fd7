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

from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN
from seqdrop.errors import Fault, InvalidFile
from seqdrop.reads.records import Record
from seqdrop.work.items import Spans, runs_of_n, window_counter

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


def collapsed(records: Iterable[Record], room: int = HELD) -> Iterator[tuple[Record, int]]:
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


def alone(records: Iterable[Record]) -> Iterator[tuple[Record, int]]:
    """Each record for itself."""
    return ((record, 1) for record in records)


def _counted(held: dict[bytes, list]) -> Iterator[tuple[Record, int]]:
    return ((record, count) for record, count in held.values())


Counted = Iterator[tuple[Record, int]]  # records, each with how many identical ones it stands for


class Selection:
    """Iterate `of` to the end; then `taken` records are selected, of which `distinct` go to the model.

    `spans` are what the task masked is to fill.
    """

    def __init__(self, analysis: Analysis, spans: Spans = runs_of_n):
        self.taken = self.distinct = 0
        self._analysis, self._spans = analysis, spans

    def of(self, records: Iterable[Record]) -> Counted:
        """The records that go to the model. Raises InvalidFile above the analysis's `max_windows`."""
        use = self._analysis.use
        if use.max_reads:
            records = sample(records, self._analysis)
        for record, count in self._within_bounds(collapsed(records) if use.collapse else alone(records)):
            self.taken += count
            self.distinct += 1
            yield record, count

    def _within_bounds(self, counted: Counted) -> Counted:
        """Until they hold more windows than one Lambda can bring home (a sample never does)."""
        windows, most, answers_to = 0, self._analysis.job.max_windows, self._answer_counter()
        for record, count in counted:
            windows += answers_to(record)
            if windows > most:
                raise InvalidFile(_too_much(self._analysis))
            yield record, count

    def _answer_counter(self) -> Callable[[Record], int]:
        """A function from a record to the windows, on all strands, or the stretches that the model is asked about; of
        proteins, to their residues."""
        if self._analysis.alphabet == PROTEIN:
            return lambda record: len(record.sequence)
        if self._analysis.fills:
            return lambda record: sum(1 for _ in self._spans(record))
        windows_in = window_counter(self._analysis.use)
        return lambda record: windows_in(len(record.sequence))


def _too_much(analysis: Analysis) -> Fault:
    most = analysis.job.max_windows
    if analysis.alphabet == PROTEIN:
        advice = "Split the file (`seqkit split2`) and drop the parts."
        return Fault("too_many_windows", f"the file has more than {most:,} residues to predict", advice)
    advice = (
        "Split the file and drop the parts, or drop it under raw/, which has no model; "
        "or let max_reads in analyses.toml take a sample of each file."
    )
    return Fault("too_many_windows", f"the file has more than {most:,} windows to score", advice)


def selected(analysis: Analysis, records: int, taken: int, distinct: int) -> dict:
    """As reports and summaries tell it: how the model's input came out of a file of so many records."""
    use = analysis.use
    told = {"analysis": analysis.name, "records": records, "taken": taken, "max_reads": use.max_reads}
    seed = {"seed": use.seed} if use.max_reads else {}
    return told | seed | ({"distinct": distinct} if use.collapse else {})
