"""Batches of similarly long proteins with a bounded number of tokens; each epoch and process has the same number."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import torch
from networks import IGNORED, StructureModel
from records import NOT_SCORED, TrainingWindow
from torch.utils.data import DataLoader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphabet import Alphabet

LIKE = 0.85
"""Once a pool fills a batch, it ends before a protein that is shorter than this share of the pool's longest."""
NOTHING = TrainingWindow(-1, "X", NOT_SCORED)
"""The content of an empty batch, for a process without further batches: all processes must take each step."""


class TokenBatches:
    """A batch sampler: this process's share of the batches, each a list of indices into `lengths`.

    Proteins are sorted by length into pools, and each pool has a fixed number of batches, so every epoch has the same
    number of steps. Seed and epoch determine which proteins of a pool are in a batch and the order of the batches, the
    same in all processes. Process r of n takes the batches r, r + n, ...; so two processes together see in one step
    what a single process sees in two batches. Without a seed, batches are in descending order of length.
    """

    def __init__(
        self, lengths: Sequence[int], tokens: int, seed: int | None, rank: int = 0, processes: int = 1
    ) -> None:
        self.pools = list(make_pools(lengths, tokens))
        self.seed, self.rank, self.processes, self.epoch = seed, rank, processes, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-sum(-(-len(indices) // size) for indices, size in self.pools) // self.processes)

    def __iter__(self) -> Iterator[list[int]]:
        batches = self.list_all()
        batches += [[]] * (len(self) * self.processes - len(batches))
        return iter(batches[self.rank :: self.processes])

    def list_all(self) -> list[list[int]]:
        """Return the batches of all processes in this epoch."""
        generator = random.Random(f"{self.seed}:{self.epoch}")  # a reproducible shuffle, no cryptography
        batches = []
        for indices, size in self.pools:
            order = indices if self.seed is None else generator.sample(indices, len(indices))
            batches += [order[first : first + size] for first in range(0, len(order), size)]
        if self.seed is not None:
            generator.shuffle(batches)
        return batches


def make_pools(lengths: Sequence[int], tokens: int) -> Iterator[tuple[list[int], int]]:
    """Yield (indices, proteins in a batch) of each pool, the longest proteins first.

    Every pool but the last fills at least one batch.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    first = 0
    while first < len(order):
        longest = lengths[order[first]]
        size = max(1, tokens // longest)
        end = first + 1
        while end < len(order) and (end - first < size or lengths[order[end]] >= LIKE * longest):
            end += 1
        yield order[first:end], size
        first = end


class Collate:
    """Conversion of windows to the arguments of StructureModel.forward.

    Labels are at the tokens of their residues; all other tokens have the label IGNORED.
    """

    def __init__(self, model: StructureModel) -> None:
        self.inputs, self.alphabet = model.inputs, model.description.alphabet
        self.table = label_table(model.classes)

    def __call__(self, windows: list[TrainingWindow]) -> dict[str, torch.Tensor]:
        """Return input_ids, attention_mask, labels and proteins. An empty list gives one without scored residues."""
        windows = windows or [NOTHING]
        ids, mask = self.inputs([window.sequence for window in windows])
        labels = torch.full(ids.shape, IGNORED)
        for row, window in zip(labels, windows, strict=True):
            place_labels(row, window.labels, self.alphabet, self.table)
        proteins = torch.tensor([window.protein for window in windows])
        return {"input_ids": ids, "attention_mask": mask, "labels": labels, "proteins": proteins}


def label_table(classes: str) -> torch.Tensor:
    """Return the number of each class by its byte, int64 (256,); IGNORED for any other byte."""
    table = torch.full((256,), IGNORED)
    for number, name in enumerate(classes):
        table[ord(name)] = number
    return table


def place_labels(row: torch.Tensor, labels: str, alphabet: Alphabet, table: torch.Tensor) -> None:
    """Write the labels of a protein to the tokens of its residues."""
    codes = torch.from_numpy(np.frombuffer(labels.encode(), dtype=np.uint8).astype(np.int64))
    row[alphabet.offset : alphabet.offset + len(labels)] = table[codes]


class Loader(DataLoader):
    """A loader that passes the Trainer's epoch to its batch sampler."""

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the batch sampler."""
        self.batch_sampler.set_epoch(epoch)


def make_loader(
    windows: list[TrainingWindow], model: StructureModel, tokens: int, seed: int | None, rank: int, processes: int
) -> Loader:
    """Return a loader of batches of `tokens` tokens, including padding. With a seed the batches are shuffled."""
    frame = model.description.alphabet.frame
    lengths = [len(window.sequence) + frame for window in windows]
    batches = TokenBatches(lengths, tokens, seed, rank, processes)
    # Its own generator, because a resumed run would differ if reading consumed random numbers of the training.
    generator = torch.Generator()
    return Loader(
        windows,
        batch_sampler=batches,
        collate_fn=Collate(model),
        generator=generator,
        pin_memory=torch.cuda.is_available(),
    )
