"""What of a file the model is to see: all records or a sample, each for itself or identical ones once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from seqdrop.collapse import alone, collapsed
from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN
from seqdrop.errors import Fault, InvalidFile
from seqdrop.masks import Spans, runs_of_n
from seqdrop.reads.records import Record
from seqdrop.segments import window_counter
from seqdrop.work.selection import sample

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
