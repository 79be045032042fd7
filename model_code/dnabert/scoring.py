"""From lines to answers: cut each item's windows, score windows of many items together, write the lines.

Memory is the request, its answer and a fixed number of windows in flight, however long an item is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import work_items
from classifier import Classifier
from tokens import encode_bases, reverse_complement
from windows import WindowSettings, on_other_strand, rows_at, scorable, window_starts
from work_items import BadLine, WorkItem

POSITIVE = 1
"""The label whose probability is reported."""
IN_FLIGHT = 1024
"""Windows that are tokenised and wait for the model together."""
DECIMALS = 6
_SHORTER = {"not_scored": "shorter_than_window"}
_TOO_MANY_N = {"not_scored": "too_many_n"}


class Queue:
    """Rows of many items on their way through the model; a row's probability lands where its owner said."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier, self._rows, self._homes, self._waiting = classifier, [], [], 0

    def add(self, rows: np.ndarray, home: np.ndarray) -> None:
        """Score rows (n, T) some time before `flush` returns, and write into `home`, a view of n floats."""
        self._rows.append(rows)
        self._homes.append(home)
        self._waiting += len(rows)
        if self._waiting >= IN_FLIGHT:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        probabilities = self._classifier.probabilities(np.concatenate(self._rows))[:, POSITIVE]
        ends = np.cumsum([len(home) for home in self._homes])
        for home, found in zip(self._homes, np.split(probabilities, ends[:-1]), strict=True):
            home[:] = found
        self._rows, self._homes, self._waiting = [], [], 0


@dataclass(frozen=True)
class Cut:
    """The windows of one item. `item` has its sequence no more."""

    item: WorkItem
    length: int
    """Bases in the stretch."""
    starts: np.ndarray
    """Windows, by start within the stretch; none if the stretch is shorter than a window."""
    scored: np.ndarray
    """True for each window that the model is asked about."""
    probabilities: np.ndarray
    """(strands, scored windows) float32, filled in by the queue."""


def cut(item: WorkItem, settings: WindowSettings) -> tuple[Cut, np.ndarray]:
    """The windows of an item, and the item's bases as codes."""
    codes = encode_bases(item.sequence)
    starts = window_starts(len(codes), settings.window, settings.stride)
    scored = scorable(codes, starts, settings)
    room = np.empty((len(settings.strands), int(scored.sum())), np.float32)
    bare = WorkItem(item.id, item.record, item.start, b"")
    return Cut(bare, len(codes), starts, scored, room), codes


def enqueue(found: Cut, codes: np.ndarray, settings: WindowSettings, classifier: Classifier, queue: Queue) -> None:
    """Tokenise the scored windows of an item, a bounded number at a time, on each strand."""
    starts, window, tokens = found.starts[found.scored], settings.window, classifier.tokens
    kmers = window - tokens.k + 1
    for first in range(0, len(starts), IN_FLIGHT):
        chunk = starts[first : first + IN_FLIGHT]
        part = codes[chunk[0] : chunk[-1] + window]
        inside = chunk - chunk[0]
        for strand, homes in zip(settings.strands, found.probabilities, strict=True):
            where = inside if strand == "+" else on_other_strand(inside, window, len(part))
            ids = tokens.kmer_ids(part if strand == "+" else reverse_complement(part))
            queue.add(rows_at(ids, where, kmers), homes[first : first + IN_FLIGHT])


def entries(found: Cut, settings: WindowSettings) -> list[dict]:
    """The windows as the schema has them: by start, "+" before "-", in the record's coordinates."""
    if not len(found.starts):
        place = {"start": found.item.start, "end": found.item.start + found.length}
        return [{**place, "strand": strand, **_SHORTER} for strand in settings.strands]
    slots = np.cumsum(found.scored) - 1
    listed = []
    for start, scored, slot in zip(found.starts.tolist(), found.scored.tolist(), slots.tolist(), strict=True):
        place = {"start": found.item.start + start, "end": found.item.start + start + settings.window}
        for strand, probabilities in zip(settings.strands, found.probabilities, strict=True):
            answer = {"probability": round(float(probabilities[slot]), DECIMALS)} if scored else _TOO_MANY_N
            listed.append({**place, "strand": strand, **answer})
    return listed


def refuse_unfit(settings: WindowSettings, classifier: Classifier) -> None:
    """A window that the model cannot take whole is a mistake in the job, not in its data."""
    shortest = classifier.tokens.k
    longest = classifier.most_tokens - 2 + shortest - 1
    if not shortest <= settings.window <= longest:
        raise ValueError(f"SEQDROP_WINDOW is {settings.window}; this model takes {shortest} to {longest}")


def written(answer: Cut | str, settings: WindowSettings) -> str:
    if isinstance(answer, str):
        return answer
    return work_items.prediction_line(answer.item, entries(answer, settings))


def answer_lines(lines: Iterable[bytes], classifier: Classifier, settings: WindowSettings) -> list[str]:
    """One prediction line, without newline, for each line in order; a bad line gets an error line."""
    refuse_unfit(settings, classifier)
    queue, answers = Queue(classifier), []
    for line in lines:
        try:
            found, codes = cut(work_items.parse_line(line), settings)
        except BadLine as problem:
            answers.append(work_items.error_line(problem))
            continue
        enqueue(found, codes, settings, classifier, queue)
        answers.append(found)
    queue.flush()
    return [written(answer, settings) for answer in answers]
