"""Conversion of residues to a model's token ids, according to the model's own vocabulary.

A protein of n residues becomes n tokens plus the frame that the model adds: ProtT5 ends with </s>, BERT has [CLS]
before and [SEP] after, a network without pre-training has neither. Residue i is token `offset + i`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import sentencepiece_vocabulary
from common.checkpoints import read_token_ids

if TYPE_CHECKING:
    from pathlib import Path

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
"""The twenty residues that every vocabulary must have."""
UNKNOWN = "X"
"""The residue that replaces all other characters; for U, Z, O and B the models' pre-training did the same."""
T5, BERT, OWN = "prott5", "protbert", "cnn"
WORD = "\u2581"
"""sentencepiece's sign for the start of a word. For ProtT5 each residue is a word."""


@dataclass(frozen=True)
class Alphabet:
    """Ids of the residues, and of the tokens around a protein. Raises ValueError if a residue is missing."""

    residues: dict[str, int]
    pad: int
    before: int | None = None
    after: int | None = None
    table: np.ndarray = field(init=False, repr=False, compare=False)
    """Id of each letter by its byte, int64 (256,). Lower case has the ids of upper case."""

    def __post_init__(self) -> None:
        missing = [residue for residue in RESIDUES + UNKNOWN if residue not in self.residues]
        if missing:
            raise ValueError(f"the vocabulary lacks the residues {' '.join(missing)}")
        table = np.full(256, self.residues[UNKNOWN], dtype=np.int64)
        for residue in RESIDUES:
            table[[ord(residue), ord(residue.lower())]] = self.residues[residue]
        object.__setattr__(self, "table", table)

    @property
    def offset(self) -> int:
        """Number of tokens before the first residue."""
        return int(self.before is not None)

    @property
    def frame(self) -> int:
        """Number of tokens that are not residues."""
        return self.offset + int(self.after is not None)

    @property
    def size(self) -> int:
        """The highest id plus one."""
        return 1 + max(*self.residues.values(), self.pad, self.before or 0, self.after or 0)

    def ids(self, sequence: str) -> np.ndarray:
        """Return the model's input for one protein, int64 (n + frame,)."""
        body = self.table[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
        before = [] if self.before is None else [self.before]
        after = [] if self.after is None else [self.after]
        return np.concatenate([before, body, after]).astype(np.int64)

    def residue_ids(self) -> list[int]:
        """Return the ids of all residues, ascending."""
        return sorted({self.residues[residue] for residue in RESIDUES + UNKNOWN})

    def to_json(self) -> dict[str, Any]:
        """Return the description that `from_json` reads; it is stored in a model's config.json."""
        residues = {residue: self.residues[residue] for residue in RESIDUES + UNKNOWN}
        return {"residues": residues, "pad": self.pad, "before": self.before, "after": self.after}

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> Alphabet:
        """Return the alphabet of a description."""
        return cls(**description)


def own_alphabet() -> Alphabet:
    """Return the alphabet of a network without pre-training: pad 0, the residues from 1, X last."""
    return Alphabet({residue: number for number, residue in enumerate(RESIDUES + UNKNOWN, start=1)}, pad=0)


def read_alphabet(model: str, folder: Path) -> Alphabet:
    """Return the alphabet of a pre-trained folder. Raise ValueError if its vocabulary lacks residues."""
    if model == T5:
        return t5_alphabet(sentencepiece_vocabulary.read_folder(folder))
    return bert_alphabet(read_token_ids(folder))


def t5_alphabet(vocabulary: list[str]) -> Alphabet:
    """Return the alphabet of sentencepiece's pieces, given in the order of their ids.

    The token of a residue is the piece that consists of the word sign and the residue.
    """
    ids = {piece: number for number, piece in enumerate(vocabulary)}
    residues = {residue: ids[WORD + residue] for residue in RESIDUES + UNKNOWN if WORD + residue in ids}
    return Alphabet(residues, pad=_special(ids, "<pad>"), after=_special(ids, "</s>"))


def bert_alphabet(ids: dict[str, int]) -> Alphabet:
    """Return the alphabet of a BERT's vocabulary, given as token to id."""
    residues = {residue: ids[residue] for residue in RESIDUES + UNKNOWN if residue in ids}
    return Alphabet(residues, _special(ids, "[PAD]"), _special(ids, "[CLS]"), _special(ids, "[SEP]"))


def _special(ids: dict[str, int], token: str) -> int:
    if token not in ids:
        raise ValueError(f"the vocabulary lacks {token}")
    return ids[token]
