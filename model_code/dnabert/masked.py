"""Filling masked stretches of up to k bases: which bases stand there, by the bases around them.

Every k-mer that touches an unknown base is [MASK], and what is asked for is the k-mer that covers the stretch: no
neighbour gives it away. Positions are 0-based and half-open; answers are in the record's coordinates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import work_items
from common.json_lines import BadLineError, error_line
from tokens import OTHER, encode_bases
from work_items import WorkItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from filler import Filler
    from windows import WindowSettings

MOST_CANDIDATES = 5
QUESTIONS = 256
"""Stretches that wait for the model together; their 4**k probabilities are what takes the memory."""
_RUN = re.compile(rb"[^ACGTacgt]+")


@dataclass
class MaskQuery:
    """One stretch: the window around it as k-mer ids, and the k-mer in it that covers the stretch."""

    ids: np.ndarray
    kmer: int
    """Index of the k-mer in `ids`."""
    known: np.ndarray
    """(k,) codes of that k-mer; OTHER where the base is not known."""
    span: slice
    """Where in the k-mer the stretch lies."""
    entry: dict
    """What the line says of the stretch; its candidates are put in."""


def stretches(item: WorkItem) -> list[tuple[int, int]]:
    """The stretches of an item, counted from the item's start: its masks or, without any, its runs of N."""
    if item.masks is None:
        return [found.span() for found in _RUN.finditer(item.sequence)]
    return [(start - item.start, end - item.start) for start, end in item.masks]


def make_queries(item: WorkItem, settings: WindowSettings, filler: Filler) -> Iterator[MaskQuery | dict]:
    """A question for each stretch, or its answer where it cannot be asked."""
    codes = encode_bases(item.sequence).copy()
    found = stretches(item)
    for start, end in found:
        codes[start:end] = OTHER
    for start, end in found:
        place = {"start": item.start + start, "end": item.start + end}
        if reason := _unfit(codes, start, end, settings, filler.tokens.k):
            yield {**place, "not_scored": reason}
        else:
            yield _question(codes, start, end, settings, filler, place)


def _window(length: int, start: int, end: int, window: int) -> tuple[int, int]:
    """The window with the stretch in its middle, as far as the sequence allows."""
    first = min(max(0, (start + end - window) // 2), max(0, length - window))
    return first, min(first + window, length)


def _unfit(codes: np.ndarray, start: int, end: int, settings: WindowSettings, k: int) -> str | None:
    first, last = _window(len(codes), start, end, settings.window)
    if last - first < (k if settings.score_short else settings.window):
        return "shorter_than_window"
    if end - start > k:
        return "longer_than_k"
    others = int((codes[first:last] == OTHER).sum()) - (end - start)
    return "too_many_n" if others > settings.max_n_fraction * (last - first) else None


def _question(
    codes: np.ndarray, start: int, end: int, settings: WindowSettings, filler: Filler, place: dict
) -> MaskQuery:
    k = filler.tokens.k
    first, last = _window(len(codes), start, end, settings.window)
    at = min(max(start - (k - (end - start)) // 2, first), last - k)  # the stretch in the middle of its k-mer
    span = slice(start - at, end - at)
    ids = filler.tokens.kmer_ids(codes[first:last])
    return MaskQuery(ids, at - first, codes[at : at + k].copy(), span, place)


def ask(waiting: list[MaskQuery], filler: Filler) -> None:
    """Put the candidates into the answers."""
    places = np.array([question.kmer for question in waiting], dtype=np.int64)
    found = filler.outputs([question.ids for question in waiting], places)
    for one, probabilities in zip(waiting, found, strict=True):
        one.entry["candidates"] = filler.candidates(probabilities, one.known, one.span, MOST_CANDIDATES)


def answer_lines(lines: Iterable[bytes], filler: Filler, settings: WindowSettings) -> list[str]:
    """One prediction line, without newline, for each line in order; a bad line gets an error line."""
    answers: list[str | tuple[WorkItem, list[dict]]] = []
    waiting: list[MaskQuery] = []
    for line in lines:
        try:
            item = work_items.parse_line(line)
        except BadLineError as problem:
            answers.append(error_line(problem))
            continue
        found = list(make_queries(item, settings, filler))
        waiting += [one for one in found if isinstance(one, MaskQuery)]
        if len(waiting) >= QUESTIONS:
            ask(waiting, filler)
            waiting = []
        places = [one.entry if isinstance(one, MaskQuery) else one for one in found]
        answers.append((replace(item, sequence=b""), places))
    if waiting:
        ask(waiting, filler)
    return [one if isinstance(one, str) else work_items.masks_line(*one) for one in answers]
