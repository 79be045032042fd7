"""From residues to a model's token ids, as its own vocabulary has them.

A protein of n residues becomes n tokens and what the model frames them with: a ProtT5 ends with </s>, a BERT has [CLS]
before and [SEP] after, a network of our own has neither. So residue i is token `offset + i`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import sentencepiece_vocabulary
from common.checkpoints import read_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
"""The twenty that every vocabulary must have."""
UNKNOWN = "X"
"""Stands for any other letter: U, Z, O and B as in the models' pre-training, J, and whatever else comes."""
T5, BERT, OWN = "prott5", "protbert", "cnn"
WORD = "\u2581"
"""sentencepiece's sign for the begin of a word: in ProtT5's texts each residue is a word."""


@dataclass(frozen=True)
class Alphabet:
    """Ids of the residues, and of the tokens around a protein."""

    residues: dict[str, int]
    pad: int
    before: int | None = None
    after: int | None = None
    table: np.ndarray = field(init=False, repr=False, compare=False)
    """int64 of 256: the id of each letter, by its byte; lower case as upper case."""

    def __post_init__(self) -> None:
        missing = [letter for letter in RESIDUES + UNKNOWN if letter not in self.residues]
        if missing:
            raise ValueError(f"the vocabulary lacks the residues {' '.join(missing)}")
        table = np.full(256, self.residues[UNKNOWN], dtype=np.int64)
        for letter in RESIDUES:
            table[[ord(letter), ord(letter.lower())]] = self.residues[letter]
        object.__setattr__(self, "table", table)

    @property
    def offset(self) -> int:
        """Tokens before the first residue."""
        return int(self.before is not None)

    @property
    def frame(self) -> int:
        """Tokens that are no residues."""
        return self.offset + int(self.after is not None)

    @property
    def size(self) -> int:
        """One more than the highest id."""
        return 1 + max(*self.residues.values(), self.pad, self.before or 0, self.after or 0)

    def ids(self, sequence: str) -> np.ndarray:
        """int64 (n + frame,): the model's input for one protein."""
        body = self.table[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
        before = [] if self.before is None else [self.before]
        after = [] if self.after is None else [self.after]
        return np.concatenate([before, body, after]).astype(np.int64)

    def residue_ids(self) -> list[int]:
        """Ids that stand for a residue, ascending."""
        return sorted({self.residues[letter] for letter in RESIDUES + UNKNOWN})

    def described(self) -> dict:
        """What `from_description` takes; goes into a model's config.json."""
        kept = {letter: self.residues[letter] for letter in RESIDUES + UNKNOWN}
        return {"residues": kept, "pad": self.pad, "before": self.before, "after": self.after}

    @classmethod
    def from_description(cls, description: dict) -> Alphabet:
        return cls(**description)


def own() -> Alphabet:
    """Of a network that has no vocabulary but ours: pad 0, the residues from 1, X last."""
    return Alphabet({letter: number for number, letter in enumerate(RESIDUES + UNKNOWN, start=1)}, pad=0)


def of_checkpoint(model: str, folder: Path) -> Alphabet:
    """The alphabet of a pre-trained folder, from its vocabulary. ValueError where it is not one for proteins."""
    return (
        of_t5(sentencepiece_vocabulary.of_folder(folder))
        if model == T5
        else of_bert(read_vocabulary(folder / "vocab.txt"))
    )


def of_t5(vocabulary: list[str]) -> Alphabet:
    """Of sentencepiece's pieces, in the order of their ids. A residue is the piece of a word that begins with it."""
    ids = {piece: number for number, piece in enumerate(vocabulary)}
    residues = {letter: ids[WORD + letter] for letter in RESIDUES + UNKNOWN if WORD + letter in ids}
    return Alphabet(residues, pad=_special(ids, "<pad>"), after=_special(ids, "</s>"))


def of_bert(ids: dict[str, int]) -> Alphabet:
    """Of the tokens of a vocab.txt."""
    residues = {letter: ids[letter] for letter in RESIDUES + UNKNOWN if letter in ids}
    return Alphabet(residues, _special(ids, "[PAD]"), _special(ids, "[CLS]"), _special(ids, "[SEP]"))


def _special(ids: dict[str, int], token: str) -> int:
    if token not in ids:
        raise ValueError(f"the vocabulary lacks {token}")
    return ids[token]
