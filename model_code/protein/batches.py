"""Batches of about so many tokens, of proteins of like length, the same number in each epoch and in each process."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import torch
from networks import IGNORED, StructureModel
from records import NOT_SCORED, Piece
from torch.utils.data import DataLoader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphabet import Alphabet

LIKE = 0.85
"""A pool of like lengths ends where a protein is shorter than this share of its longest, if it fills a batch."""
NOTHING = Piece(-1, "X", NOT_SCORED)
"""Stands where a process has no batch left while others have: all of them must step together."""


class TokenBatches:
    """A batch sampler: this process's share of the batches, each a list of places in `lengths`.

    Proteins are sorted by length into pools, and each pool has a fixed number of batches, so an epoch has the same
    number of steps each time. Which proteins of a pool meet, and in which order the batches come, is drawn anew from
    the seed and the epoch, the same in all processes. Batch i is for process i modulo their number, so that two
    processes together see what one sees in two batches.
    """

    def __init__(self, lengths: Sequence[int], tokens: int, seed: int | None, rank: int = 0, processes: int = 1):
        self.pools = list(pools(lengths, tokens))
        self.seed, self.rank, self.processes, self.epoch = seed, rank, processes, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-sum(-(-len(places) // size) for places, size in self.pools) // self.processes)

    def __iter__(self) -> Iterator[list[int]]:
        found = self.all()
        found += [[]] * (len(self) * self.processes - len(found))
        return iter(found[self.rank :: self.processes])

    def all(self) -> list[list[int]]:
        """Those of all processes in this epoch; in the order of lengths where there is no seed."""
        chance = random.Random(f"{self.seed}:{self.epoch}")
        found = []
        for places, size in self.pools:
            order = places if self.seed is None else chance.sample(places, len(places))
            found += [order[first : first + size] for first in range(0, len(order), size)]
        if self.seed is not None:
            chance.shuffle(found)
        return found


def pools(lengths: Sequence[int], tokens: int) -> Iterator[tuple[list[int], int]]:
    """(places, proteins in a batch): the longest first, at least a batch each but for the last."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
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
    """Pieces to what a StructureModel's forward takes; labels stand at their residues' tokens, nowhere else."""

    def __init__(self, model: StructureModel):
        self.inputs, self.alphabet = model.inputs, model.description.alphabet
        self.table = label_table(model.classes)

    def __call__(self, found: list[Piece]) -> dict[str, torch.Tensor]:
        found = found or [NOTHING]
        ids, mask = self.inputs([piece.sequence for piece in found])
        labels = torch.full(ids.shape, IGNORED)
        for row, piece in zip(labels, found, strict=True):
            place_labels(row, piece.labels, self.alphabet, self.table)
        proteins = torch.tensor([piece.protein for piece in found])
        return {"input_ids": ids, "attention_mask": mask, "labels": labels, "proteins": proteins}


def label_table(classes: str) -> torch.Tensor:
    """int64 of 256: the number of each class letter, IGNORED for any other."""
    table = torch.full((256,), IGNORED)
    for number, letter in enumerate(classes):
        table[ord(letter)] = number
    return table


def place_labels(row: torch.Tensor, labels: str, alphabet: Alphabet, table: torch.Tensor) -> None:
    """Write the labels of a protein at the tokens of its residues."""
    letters = torch.from_numpy(np.frombuffer(labels.encode(), dtype=np.uint8).astype(np.int64))
    row[alphabet.offset : alphabet.offset + len(labels)] = table[letters]


class Loader(DataLoader):
    """Tells its batches the epoch, as the Trainer tells it."""

    def set_epoch(self, epoch: int) -> None:
        self.batch_sampler.set_epoch(epoch)


def loader(
    found: list[Piece], model: StructureModel, tokens: int, seed: int | None, rank: int, processes: int
) -> Loader:
    """Batches of `tokens` tokens with their padding; shuffled where there is a seed."""
    frame = model.description.alphabet.frame
    lengths = [len(piece.sequence) + frame for piece in found]
    batches = TokenBatches(lengths, tokens, seed, rank, processes)
    apart = torch.Generator()  # that reading draws no random number of the training's: it must go on alike when resumed
    pinned = torch.cuda.is_available()
    return Loader(found, batch_sampler=batches, collate_fn=Collate(model), generator=apart, pin_memory=pinned)
