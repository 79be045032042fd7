"""The tasks of a protein model: the structure at each residue, or an embedding of each protein."""

from __future__ import annotations

from typing import TYPE_CHECKING

import encoders
import numpy as np
import torch
from protein_items import ProteinItem, embedding_line, structure_line

if TYPE_CHECKING:
    from networks import StructureModel
    from protein_windows import ProteinWindow

STATES = ("HEC", "GHIBESTC")
"""DSSP's classes: 3 states, or 8."""
PROBE = "MKVLAAGXW"


class Structure:
    """The task `structure`: probabilities of the model's classes, cross-faded where windows overlap.

    Raises ValueError for a model with other classes, and for one whose prediction of a probe is invalid.
    """

    def __init__(self, model: StructureModel) -> None:
        if sorted(model.classes) not in [sorted(states) for states in STATES]:
            raise ValueError(f"the model's classes are {model.classes!r}; they must be those of {' or '.join(STATES)}")
        self._model, self._classes = model, model.classes
        output = self.predict([PROBE])[0]
        _check_probe(output, (len(PROBE), len(self._classes)))
        if output.min() < 0 or abs(output.sum(axis=1) - 1).max() > 1e-2:
            raise ValueError("the model is broken: its output for a probe is not a distribution")

    def predict(self, sequences: list[str]) -> list[np.ndarray]:
        """Return the probabilities of each sequence, float32 (residues, classes)."""
        return self._model.probabilities(sequences)

    def allocate(self, length: int) -> np.ndarray:
        """Return zeros, (length, classes)."""
        return np.zeros((length, len(self._classes)), np.float32)

    def add(self, total: np.ndarray, window: ProteinWindow, output: np.ndarray) -> None:
        """Add the weighted probabilities of a window at its place."""
        total[window.start : window.start + len(output)] += output * window.weight[:, None]

    def line(self, item: ProteinItem, total: np.ndarray) -> str:
        """Return the prediction line."""
        return structure_line(item, self._classes, total)


class Embedding:
    """The task `embed`: the mean of the encoder's last layer over a protein's residues, without the head.

    For the model without a pre-trained encoder this is the mean of convolutional features, which represent nothing but
    structure. Raises ValueError for a model whose output for a probe is invalid.
    """

    def __init__(self, model: StructureModel) -> None:
        self._model = model
        output = self.predict([PROBE])[0]
        self._width = output.shape[-1]
        _check_probe(output, (len(PROBE), self._width))

    @torch.inference_mode()
    def predict(self, sequences: list[str]) -> list[np.ndarray]:
        """Return the features of each sequence, float32 (residues, width), without padding and frame."""
        ids, mask = (part.to(self._model.residue.device) for part in self._model.inputs(sequences))
        features = encoders.features(self._model.encoder, ids, mask).float().cpu().numpy()
        offset = self._model.description.alphabet.offset
        pairs = zip(features, sequences, strict=True)
        return [rows[offset : offset + len(sequence)] for rows, sequence in pairs]

    def allocate(self, _length: int) -> np.ndarray:
        """Return zeros, (width,)."""
        return np.zeros(self._width)

    def add(self, total: np.ndarray, window: ProteinWindow, output: np.ndarray) -> None:
        """Add the weighted sum of a window's features."""
        total += window.weight @ output

    def line(self, item: ProteinItem, total: np.ndarray) -> str:
        """Return the prediction line."""
        return embedding_line(item, total / len(item.sequence))


TASKS = {"structure": Structure, "embed": Embedding}


def _check_probe(output: np.ndarray, shape: tuple[int, int]) -> None:
    """Raise ValueError for an invalid output for the probe: such a model is broken, and its worker must not start."""
    if output.shape != shape:
        raise ValueError(f"the model is broken: its output for {shape[0]} residues is an array of {output.shape}")
    if not np.isfinite(output).all():
        raise ValueError("the model is broken: its output for a probe contains NaN or infinity")
