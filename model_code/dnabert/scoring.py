"""The promoter and embed tasks: cut items into windows, score windows of many items together, write prediction lines.

Memory is bounded by the request, its response and a fixed number of queued windows, however long an item is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
"""Number of tokenised windows that wait for the model together."""
Scorer = Classifier | Embedder
_SHORTER = {"not_scored": "shorter_than_window"}
_TOO_MANY_N = {"not_scored": "too_many_n"}


class RowQueue:
    """Rows of many items that wait for the model. The result of each row is written to the array given with it."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._rows: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []

    def add(self, rows: np.ndarray, target: np.ndarray) -> None:
        """Queue n rows of k-mer ids, (n, T). Their results are in `target`, a view of n entries, after `flush`."""
        self._rows += list(rows)
        self._targets.append(target)
        if len(self._rows) >= IN_FLIGHT:
            self.flush()

    def flush(self) -> None:
        """Score all queued rows."""
        if not self._targets:
            return
        results = self._scorer.compute(self._rows)
        ends = np.cumsum([len(target) for target in self._targets], dtype=np.int64)
        for target, part in zip(self._targets, np.split(results, ends[:-1]), strict=True):
            target[:] = part
        self._rows, self._targets = [], []


@dataclass(frozen=True)
class CutItem:
    """The windows of one item. `item` has an empty sequence."""

    item: WorkItem
    length: int
    """Bases in the item."""
    window: int
    """Bases in each window: the job's window, or the length of a shorter item that the job scores as one window."""
    starts: np.ndarray
    """Start of each window, relative to the item; empty if the item is shorter than a window."""
    scored: np.ndarray
    """True for each window that the model scores."""
    outputs: list[np.ndarray]
    """For each strand, the model's result for the scored windows; the queue fills it in."""


def cut(item: WorkItem, settings: WindowSettings, scorer: Scorer) -> tuple[CutItem, np.ndarray]:
    """Return the windows of an item, and the codes of the item's bases."""
    codes = encode_bases(item.sequence)
    window = settings.window_of(len(codes), scorer.tokens.k)
    starts = window_starts(len(codes), window, settings.stride)
    scored = scorable(codes, starts, window, settings.max_n_fraction)
    outputs = [scorer.allocate(int(scored.sum())) for _ in settings.strands]
    bare = WorkItem(item.id, item.record, item.start, b"")
    return CutItem(bare, len(codes), window, starts, scored, outputs), codes


def enqueue(windows: CutItem, codes: np.ndarray, strands: tuple[str, ...], scorer: Scorer, queue: RowQueue) -> None:
    """Tokenise the scored windows of an item on each strand, a bounded number at a time, and queue them."""
    starts, window, tokens = windows.starts[windows.scored], windows.window, scorer.tokens
    kmers = window - tokens.k + 1
    for first in range(0, len(starts), IN_FLIGHT):
        chunk = starts[first : first + IN_FLIGHT]
        part = codes[chunk[0] : chunk[-1] + window]
        inside = chunk - chunk[0]
        for strand, targets in zip(strands, windows.outputs, strict=True):
            where = inside if strand == "+" else on_other_strand(inside, window, len(part))
            ids = tokens.kmer_ids(part if strand == "+" else reverse_complement(part))
            queue.add(rows_at(ids, where, kmers), targets[first : first + IN_FLIGHT])


def make_entries(windows: CutItem, strands: tuple[str, ...], scorer: Scorer) -> list[dict[str, Any]]:
    """Return the entries of the windows (prediction.schema.json) by start, "+" before "-", in record coordinates."""
    offset = windows.item.start
    if not len(windows.starts):
        place = {"start": offset, "end": offset + windows.length}
        return [{**place, "strand": strand, **_SHORTER} for strand in strands]
    rows = np.cumsum(windows.scored) - 1
    result = []
    for start, is_scored, row in zip(windows.starts.tolist(), windows.scored.tolist(), rows.tolist(), strict=True):
        place = {"start": offset + start, "end": offset + start + windows.window}
        for strand, outputs in zip(strands, windows.outputs, strict=True):
            prediction = scorer.to_json(outputs[row]) if is_scored else _TOO_MANY_N
            result.append({**place, "strand": strand, **prediction})
    return result


def check_window(settings: WindowSettings, scorer: Scorer) -> None:
    """Raise ValueError if the model cannot take a whole window: that is an error in the job, not in its data."""
    shortest = scorer.tokens.k
    longest = scorer.most_tokens - 2 + shortest - 1
    if not shortest <= settings.window <= longest:
        raise ValueError(f"SEQDROP_WINDOW is {settings.window}; this model takes {shortest} to {longest}")


def predict_lines(lines: Iterable[bytes], scorer: Scorer, settings: WindowSettings) -> list[str]:
    """Return one prediction line, without newline, for each line in order; an error line for a bad line.

    Raise ValueError if the model cannot take windows of the job's length.
    """
    check_window(settings, scorer)
    queue, strands = RowQueue(scorer), settings.strands
    results: list[str | CutItem] = []
    for line in lines:
        try:
            windows, codes = cut(work_items.parse_line(line), settings, scorer)
        except BadLineError as problem:
            results.append(error_line(problem))
            continue
        enqueue(windows, codes, strands, scorer, queue)
        results.append(windows)
    queue.flush()
    return [
        result
        if isinstance(result, str)
        else work_items.windows_line(result.item, make_entries(result, strands, scorer))
        for result in results
    ]
