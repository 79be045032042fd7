"""From lines to answers: windows of many proteins go through the model together, longest first, and come home.

Memory is the request, its answer and one pass, however long a protein is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from common.json_lines import BadLineError, error_line
from protein_items import ProteinItem, parse_line
from stitching import weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RESIDUES_A_PASS = 8_192
"""Residues in one call of the model, padding counted: enough to fill the cores, and little beside a GPU's memory."""


@dataclass(frozen=True)
class Cutting:
    """How long proteins are cut. `window` is in residues."""

    window: int
    overlap: int


@dataclass(frozen=True)
class Window:
    """A stretch of the protein of this number, and the weight of each of its residues."""

    protein: int
    start: int
    weight: np.ndarray

    def of(self, sequence: str) -> str:
        return sequence[self.start : self.start + len(self.weight)]


class Task(Protocol):
    """What is asked of a model."""

    def ask(self, sequences: list[str]) -> list[np.ndarray]:
        """What the model says of each."""

    def room(self, length: int) -> np.ndarray:
        """Zeros, to which the windows of a protein are added."""

    def add(self, room: np.ndarray, window: Window, found: np.ndarray) -> None:
        """Add what was said of a window."""

    def line(self, item: ProteinItem, room: np.ndarray) -> str:
        """The answer once all windows are in."""


def answer_lines(lines: Iterable[bytes], task: Task, cutting: Cutting) -> list[str]:
    """One prediction line, without newline, for each line in order; a bad line gets an error line."""
    found = [_parsed(line) for line in lines]
    rooms = _rooms([one.sequence if isinstance(one, ProteinItem) else "" for one in found], task, cutting)
    return [_answer(one, room, task) for one, room in zip(found, rooms, strict=True)]


def _parsed(line: bytes) -> ProteinItem | BadLineError:
    try:
        return parse_line(line)
    except BadLineError as problem:
        return problem


def _answer(found: ProteinItem | BadLineError, room: np.ndarray, task: Task) -> str:
    if isinstance(found, BadLineError):
        return error_line(found)
    if not np.isfinite(room).all():
        return error_line(BadLineError("not_finite", "the model's answer has numbers that are none", found.id))
    return task.line(found, room)


def _rooms(sequences: list[str], task: Task, cutting: Cutting) -> list[np.ndarray]:
    """What the task makes of each sequence; an empty one is not asked about."""
    rooms = [task.room(len(sequence)) for sequence in sequences]
    windows = [window for number, sequence in enumerate(sequences) for window in _windows(number, sequence, cutting)]
    for batch in batches(windows, lambda window: len(window.weight), RESIDUES_A_PASS):
        answers = task.ask([window.of(sequences[window.protein]) for window in batch])
        for window, answer in zip(batch, answers, strict=True):
            task.add(rooms[window.protein], window, answer)
    return rooms


def _windows(number: int, sequence: str, cutting: Cutting) -> Iterator[Window]:
    if sequence:
        for start, weight in weights(len(sequence), cutting.window, cutting.overlap):
            yield Window(number, start, weight)


def batches(found: list, length_of: Callable[[object], int], most: int) -> Iterator[list]:
    """Longest first, as many at a time as fit in `most` when all are padded to the longest; one at the least."""
    ordered = sorted(found, key=length_of, reverse=True)
    first = 0
    while first < len(ordered):
        count = max(1, most // length_of(ordered[first]))
        yield ordered[first : first + count]
        first += count
