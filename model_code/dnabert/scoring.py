"""From lines to answers: cut each item's windows, score windows of many items together, write the lines.

Memory is the request, its answer and a fixed number of windows in flight, however long an item is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import work_items
from classifier import Classifier
from common.json_lines import BadLineError, error_line
from embedder import Embedder
from tokens import encode_bases, reverse_complement
from windows import WindowSettings, on_other_strand, rows_at, scorable, window_starts
from work_items import WorkItem

if TYPE_CHECKING:
    from collections.abc import Iterable

IN_FLIGHT = 1024
"""Windows that are tokenised and wait for the model together."""
Scorer = Classifier | Embedder
_SHORTER = {"not_scored": "shorter_than_window"}
_TOO_MANY_N = {"not_scored": "too_many_n"}


class Queue:
    """Rows of many items on their way through the model; what it says of a row lands where its owner said."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer, self._rows, self._homes = scorer, [], []

    def add(self, rows: np.ndarray, home: np.ndarray) -> None:
        """Score rows (n, T) some time before `flush` returns, and write into `home`, a view of n answers."""
        self._rows += list(rows)
        self._homes.append(home)
        if len(self._rows) >= IN_FLIGHT:
            self.flush()

    def flush(self) -> None:
        if not self._homes:
            return
        found = self._scorer.outputs(self._rows)
        ends = np.cumsum([len(home) for home in self._homes], dtype=np.int64)
        for home, part in zip(self._homes, np.split(found, ends[:-1]), strict=True):
            home[:] = part
        self._rows, self._homes = [], []


@dataclass(frozen=True)
class Cut:
    """The windows of one item. `item` has its sequence no more."""

    item: WorkItem
    length: int
    """Bases in the stretch."""
    window: int
    """Bases in each window: the job's, or the whole stretch where that is shorter and scored all the same."""
    starts: np.ndarray
    """Windows, by start within the stretch; none if the stretch is shorter than a window."""
    scored: np.ndarray
    """True for each window that the model is asked about."""
    outputs: list[np.ndarray]
    """For each strand what the model said of the scored windows, filled in by the queue."""


def cut(item: WorkItem, settings: WindowSettings, scorer: Scorer) -> tuple[Cut, np.ndarray]:
    """The windows of an item, and the item's bases as codes."""
    codes = encode_bases(item.sequence)
    window = settings.window_of(len(codes), scorer.tokens.k)
    starts = window_starts(len(codes), window, settings.stride)
    scored = scorable(codes, starts, window, settings.max_n_fraction)
    rooms = [scorer.room(int(scored.sum())) for _ in settings.strands]
    bare = WorkItem(item.id, item.record, item.start, b"")
    return Cut(bare, len(codes), window, starts, scored, rooms), codes


def enqueue(found: Cut, codes: np.ndarray, strands: tuple[str, ...], scorer: Scorer, queue: Queue) -> None:
    """Tokenise the scored windows of an item, a bounded number at a time, on each strand."""
    starts, window, tokens = found.starts[found.scored], found.window, scorer.tokens
    kmers = window - tokens.k + 1
    for first in range(0, len(starts), IN_FLIGHT):
        chunk = starts[first : first + IN_FLIGHT]
        part = codes[chunk[0] : chunk[-1] + window]
        inside = chunk - chunk[0]
        for strand, homes in zip(strands, found.outputs, strict=True):
            where = inside if strand == "+" else on_other_strand(inside, window, len(part))
            ids = tokens.kmer_ids(part if strand == "+" else reverse_complement(part))
            queue.add(rows_at(ids, where, kmers), homes[first : first + IN_FLIGHT])


def entries(found: Cut, strands: tuple[str, ...], scorer: Scorer) -> list[dict]:
    """The windows as the schema has them: by start, "+" before "-", in the record's coordinates."""
    if not len(found.starts):
        place = {"start": found.item.start, "end": found.item.start + found.length}
        return [{**place, "strand": strand, **_SHORTER} for strand in strands]
    slots = np.cumsum(found.scored) - 1
    listed = []
    for start, scored, slot in zip(found.starts.tolist(), found.scored.tolist(), slots.tolist(), strict=True):
        place = {"start": found.item.start + start, "end": found.item.start + start + found.window}
        for strand, outputs in zip(strands, found.outputs, strict=True):
            listed.append({**place, "strand": strand, **(scorer.entry(outputs[slot]) if scored else _TOO_MANY_N)})
    return listed


def refuse_unfit(settings: WindowSettings, scorer: Scorer) -> None:
    """A window that the model cannot take whole is a mistake in the job, not in its data."""
    shortest = scorer.tokens.k
    longest = scorer.most_tokens - 2 + shortest - 1
    if not shortest <= settings.window <= longest:
        raise ValueError(f"SEQDROP_WINDOW is {settings.window}; this model takes {shortest} to {longest}")


def answer_lines(lines: Iterable[bytes], scorer: Scorer, settings: WindowSettings) -> list[str]:
    """One prediction line, without newline, for each line in order; a bad line gets an error line."""
    refuse_unfit(settings, scorer)
    queue, answers, strands = Queue(scorer), [], settings.strands
    for line in lines:
        try:
            found, codes = cut(work_items.parse_line(line), settings, scorer)
        except BadLineError as problem:
            answers.append(error_line(problem))
            continue
        enqueue(found, codes, strands, scorer, queue)
        answers.append(found)
    queue.flush()
    return [
        answer if isinstance(answer, str) else work_items.windows_line(answer.item, entries(answer, strands, scorer))
        for answer in answers
    ]
