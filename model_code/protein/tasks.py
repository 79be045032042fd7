"""What a protein model can be asked: the structure at each residue, or an embedding of each protein."""

from __future__ import annotations

from typing import TYPE_CHECKING

import encoders
import numpy as np
import torch
from protein_items import ProteinItem, embedding_line, structure_line

if TYPE_CHECKING:
    from networks import StructureModel
    from protein_windows import Window

STATES = ("HEC", "GHIBESTC")
"""DSSP's letters: 3 states, or 8."""
PROBE = "MKVLAAGXW"


class Structure:
    """The task `structure`: probabilities of the model's classes, cross-faded where windows overlap."""

    def __init__(self, model: StructureModel) -> None:
        if sorted(model.classes) not in [sorted(states) for states in STATES]:
            raise ValueError(f"the model's classes are {model.classes!r}; they must be those of {' or '.join(STATES)}")
        self._model, self._classes = model, model.classes
        _refuse_broken(self.ask([PROBE])[0], (len(PROBE), len(self._classes)))

    def ask(self, sequences: list[str]) -> list[np.ndarray]:
        return self._model.probabilities(sequences)

    def room(self, length: int) -> np.ndarray:
        return np.zeros((length, len(self._classes)), np.float32)

    def add(self, room: np.ndarray, window: Window, found: np.ndarray) -> None:
        room[window.start : window.start + len(found)] += found * window.weight[:, None]

    def line(self, item: ProteinItem, room: np.ndarray) -> str:
        return structure_line(item, self._classes, room)


class Embedding:
    """The task `embed`: the mean over a protein's residues of the encoder's last layer, the head left aside.

    That of the model without a pre-trained encoder are what its convolutions make of each residue: it is answered, and
    means no more than structure.
    """

    def __init__(self, model: StructureModel) -> None:
        self._model = model
        probe = self.ask([PROBE])[0]
        self._width = probe.shape[-1]
        _refuse_broken(probe, (len(PROBE), self._width), whole=False)

    @torch.inference_mode()
    def ask(self, sequences: list[str]) -> list[np.ndarray]:
        """(residues, width) float32 of each; what frames a protein, and padding, are left out."""
        ids, mask = (part.to(self._model.residue.device) for part in self._model.inputs(sequences))
        found = encoders.features(self._model.encoder, ids, mask).float().cpu().numpy()
        offset = self._model.description.alphabet.offset
        pairs = zip(found, sequences, strict=True)
        return [one[offset : offset + len(sequence)] for one, sequence in pairs]

    def room(self, length: int) -> np.ndarray:
        return np.zeros(self._width)

    def add(self, room: np.ndarray, window: Window, found: np.ndarray) -> None:
        room += window.weight @ found

    def line(self, item: ProteinItem, room: np.ndarray) -> str:
        return embedding_line(item, room / len(item.sequence))


TASKS = {"structure": Structure, "embed": Embedding}


def _refuse_broken(answer: np.ndarray, shape: tuple[int, int], whole: bool = True) -> None:
    """A model that answers a probe with nonsense is broken, whatever the data: the worker must not start."""
    if answer.shape != shape:
        raise ValueError(f"the model is broken: it answers {shape[0]} residues with an array of {answer.shape}")
    if not np.isfinite(answer).all():
        raise ValueError("the model is broken: its answer to a probe has numbers that are none")
    if whole and (answer.min() < 0 or abs(answer.sum(axis=1) - 1).max() > 1e-2):
        raise ValueError("the model is broken: its answer to a probe is no distribution")
