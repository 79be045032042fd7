"""The masked task: predict the bases of masked intervals of up to k bases from the bases around them.

Every k-mer that touches an unknown base is [MASK], so no neighbour reveals the masked bases. The prediction is read
from the k-mer that covers the interval. Positions are 0-based and half-open; results are in the record's coordinates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import work_items
from common.json_lines import BadLineError, error_line
from tokens import KNOWN, OTHER, encode_bases
from work_items import WorkItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from filler import Filler
    from windows import WindowSettings

MOST_CANDIDATES = 5
QUERIES_TOGETHER = 256
"""Number of intervals that are predicted together. Their 4**k probabilities dominate the memory."""
_RUN = re.compile(b"[^" + KNOWN.encode() + b"]+")


@dataclass
class MaskQuery:
    """One masked interval: the window around it as k-mer ids, and the k-mer in the window that covers it."""

    ids: np.ndarray
    kmer: int
    """Index of the covering k-mer in `ids`."""
    known: np.ndarray
    """Codes of that k-mer, (k,); OTHER for a base that is not known."""
    span: slice
    """The interval within the k-mer."""
    entry: dict[str, Any]
    """The interval's entry in the prediction line; `fill` adds its candidates."""


@dataclass(frozen=True)
class _Sequence:
    """The codes of an item's bases, with masked bases as OTHER, and the settings of its windows."""

    codes: np.ndarray
    settings: WindowSettings
    filler: Filler

    def find_window(self, start: int, end: int) -> tuple[int, int]:
        """Return (start, end) of the window that is centred on the interval, as far as the sequence allows."""
        length, window = len(self.codes), self.settings.window
        first = min(max(0, (start + end - window) // 2), max(0, length - window))
        return first, min(first + window, length)

    def find_refusal(self, start: int, end: int) -> str | None:
        """Return the reason why an interval cannot be predicted, or None if it can."""
        first, last = self.find_window(start, end)
        k = self.filler.tokens.k
        if last - first < (k if self.settings.score_short else self.settings.window):
            return "shorter_than_window"
        if end - start > k:
            return "longer_than_k"
        others = int((self.codes[first:last] == OTHER).sum()) - (end - start)
        return "too_many_n" if others > self.settings.max_n_fraction * (last - first) else None

    def make_query(self, start: int, end: int, entry: dict[str, Any]) -> MaskQuery:
        """Return the query of an interval. Its k-mer is centred on the interval as far as the window allows."""
        k = self.filler.tokens.k
        first, last = self.find_window(start, end)
        kmer_start = min(max(start - (k - (end - start)) // 2, first), last - k)
        span = slice(start - kmer_start, end - kmer_start)
        ids = self.filler.tokens.kmer_ids(self.codes[first:last])
        return MaskQuery(ids, kmer_start - first, self.codes[kmer_start : kmer_start + k].copy(), span, entry)


def find_masked_intervals(item: WorkItem) -> list[tuple[int, int]]:
    """Return the intervals to predict, (start, end) relative to the item's start.

    These are the item's masks or, if `masks` is None, its runs of characters other than A, C, G, T and U.
    """
    if item.masks is None:
        return [run.span() for run in _RUN.finditer(item.sequence)]
    return [(start - item.start, end - item.start) for start, end in item.masks]


def make_queries(item: WorkItem, settings: WindowSettings, filler: Filler) -> Iterator[MaskQuery | dict[str, Any]]:
    """Yield a query for each masked interval; for one that cannot be predicted, its entry with the reason."""
    codes = encode_bases(item.sequence).copy()
    intervals = find_masked_intervals(item)
    for start, end in intervals:
        codes[start:end] = OTHER
    sequence = _Sequence(codes, settings, filler)
    for start, end in intervals:
        entry = {"start": item.start + start, "end": item.start + end}
        if reason := sequence.find_refusal(start, end):
            yield {**entry, "not_scored": reason}
        else:
            yield sequence.make_query(start, end, entry)


def fill(queries: list[MaskQuery], filler: Filler) -> None:
    """Predict the queries together, and add the candidates to their entries."""
    positions = np.array([query.kmer for query in queries], dtype=np.int64)
    predictions = filler.compute([query.ids for query in queries], positions)
    for query, probabilities in zip(queries, predictions, strict=True):
        query.entry["candidates"] = filler.candidates(probabilities, query.known, query.span, MOST_CANDIDATES)


def predict_lines(lines: Iterable[bytes], filler: Filler, settings: WindowSettings) -> list[str]:
    """Return one prediction line, without newline, for each line in order; an error line for a bad line."""
    results: list[str | tuple[WorkItem, list[dict[str, Any]]]] = []
    waiting: list[MaskQuery] = []
    for line in lines:
        try:
            item = work_items.parse_line(line)
        except BadLineError as problem:
            results.append(error_line(problem))
            continue
        queries = list(make_queries(item, settings, filler))
        waiting += [query for query in queries if isinstance(query, MaskQuery)]
        if len(waiting) >= QUERIES_TOGETHER:
            fill(waiting, filler)
            waiting = []
        entries = [query.entry if isinstance(query, MaskQuery) else query for query in queries]
        results.append((replace(item, sequence=b""), entries))
    if waiting:
        fill(waiting, filler)
    return [result if isinstance(result, str) else work_items.masks_line(*result) for result in results]
