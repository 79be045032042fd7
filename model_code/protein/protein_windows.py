"""Prediction lines of proteins: cut long proteins into windows, predict windows of many proteins together, stitch them.

Memory is bounded by the request, its response and one forward pass, however long a protein is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from common.json_lines import BadLineError, error_line
from protein_items import ProteinItem, parse_line
from stitching import window_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RESIDUES_A_PASS = 8_192
"""Residues in one call of the model, including padding: enough for all cores, and a small part of a GPU's memory."""
T = TypeVar("T")


@dataclass(frozen=True)
class ProteinWindowSettings:
    """Length and overlap of the windows of long proteins, both in residues."""

    window: int
    overlap: int


@dataclass(frozen=True)
class ProteinWindow:
    """An interval of a protein: the protein's index, the 0-based start, and the weight of each residue."""

    protein: int
    start: int
    weight: np.ndarray

    def cut_from(self, sequence: str) -> str:
        """Return the window's residues, given the sequence of the whole protein."""
        return sequence[self.start : self.start + len(self.weight)]


class Task(Protocol):
    """The interface of a model's task: it predicts windows, and combines them to the prediction of a protein."""

    def predict(self, sequences: list[str]) -> list[np.ndarray]:
        """Return the model's output for each sequence, (residues, …)."""

    def allocate(self, length: int) -> np.ndarray:
        """Return an array of zeros to which `add` adds the windows of a protein of that length."""

    def add(self, total: np.ndarray, window: ProteinWindow, output: np.ndarray) -> None:
        """Add the output for a window, weighted."""

    def line(self, item: ProteinItem, total: np.ndarray) -> str:
        """Return the prediction line, once all windows are added."""


def predict_lines(lines: Iterable[bytes], task: Task, settings: ProteinWindowSettings) -> list[str]:
    """Return one prediction line, without newline, for each line in order; an error line for a bad line."""
    items = [_parse(line) for line in lines]
    sequences = [item.sequence if isinstance(item, ProteinItem) else "" for item in items]
    totals = _predict_proteins(sequences, task, settings)
    return [_write_line(item, total, task) for item, total in zip(items, totals, strict=True)]


def _parse(line: bytes) -> ProteinItem | BadLineError:
    try:
        return parse_line(line)
    except BadLineError as problem:
        return problem


def _write_line(item: ProteinItem | BadLineError, total: np.ndarray, task: Task) -> str:
    if isinstance(item, BadLineError):
        return error_line(item)
    if not np.isfinite(total).all():
        return error_line(BadLineError("not_finite", "the model's output contains NaN or infinity", item.id))
    return task.line(item, total)


def _predict_proteins(sequences: list[str], task: Task, settings: ProteinWindowSettings) -> list[np.ndarray]:
    """Return the task's result for each sequence. The model is not called for an empty one."""
    totals = [task.allocate(len(sequence)) for sequence in sequences]
    windows = [window for number, sequence in enumerate(sequences) for window in _cut(number, sequence, settings)]
    for batch in batch_by_length(windows, lambda window: len(window.weight), RESIDUES_A_PASS):
        outputs = task.predict([window.cut_from(sequences[window.protein]) for window in batch])
        for window, output in zip(batch, outputs, strict=True):
            task.add(totals[window.protein], window, output)
    return totals


def _cut(number: int, sequence: str, settings: ProteinWindowSettings) -> Iterator[ProteinWindow]:
    if sequence:
        for start, weight in window_weights(len(sequence), settings.window, settings.overlap):
            yield ProteinWindow(number, start, weight)


def batch_by_length(items: list[T], length_of: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Yield batches, the longest items first. A batch has at most `most` residues if all are padded to its longest.

    An item that is longer is a batch of its own.
    """
    ordered = sorted(items, key=length_of, reverse=True)
    first = 0
    while first < len(ordered):
        count = max(1, most // length_of(ordered[first]))
        yield ordered[first : first + count]
        first += count
