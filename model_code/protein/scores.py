"""Agreement of the predicted with the labelled structure: Q3, Q8, and recall and precision of each class."""

from __future__ import annotations

import numpy as np
import torch
from networks import CLASSES, IGNORED

HELIX, STRAND, COIL = "HGI", "EB", "C"
"""The eight classes of DSSP as three: G, H and I are helix, E and B strand, all others coil."""


class Tally:
    """Counts over residues. Several processes can add up their `sums`."""

    def __init__(self, classes: str, proteins: int, device: torch.device | str = "cpu") -> None:
        self.classes, self.proteins, n = classes, proteins, len(classes)
        self.sums = torch.zeros(n * n + 2 * proteins + 1, dtype=torch.float64, device=device)

    def _parts(self) -> tuple[torch.Tensor, ...]:
        """Return views of `sums`.

        They are the table of labelled by predicted classes, the correct residues of each protein, the scored residues
        of each protein, and [sum of the losses].
        """
        n = len(self.classes)
        table, correct, scored, loss = self.sums.split([n * n, self.proteins, self.proteins, 1])
        return table.view(n, n), correct, scored, loss

    def add(self, logits: torch.Tensor, labels: torch.Tensor, proteins: torch.Tensor) -> None:
        """Add a batch: logits (n, length, classes), labels (n, length), and the index of each row's protein (n,)."""
        table, correct, scored, loss = self._parts()
        has_label = labels != IGNORED
        targets, calls = labels[has_label], logits[has_label].argmax(-1)
        owners = proteins[:, None].expand_as(labels)[has_label]
        ones = torch.ones_like(targets, dtype=self.sums.dtype)
        table.index_put_((targets, calls), ones, accumulate=True)
        scored.index_put_((owners,), ones, accumulate=True)
        correct.index_put_((owners,), (targets == calls).to(ones.dtype), accumulate=True)
        loss += torch.nn.functional.cross_entropy(logits[has_label].float(), targets, reduction="sum").double()

    def figures(self) -> dict[str, float]:
        """Return q3, q8 if there are eight classes, the mean of the proteins' own Q, the mean loss, and class figures.

        Class figures are recall, precision and residues of each class. Values are nan if no residue was scored.
        """
        table, correct, scored, loss = (part.cpu().numpy() for part in self._parts())
        has_scored = scored > 0
        share = correct[has_scored] / scored[has_scored]
        figures = {f"q{len(self.classes)}": _share(table.trace(), table.sum()), "q3": q3(table, self.classes)}
        figures |= {"q_per_protein": _share(share.sum(), has_scored.sum()), "loss": _share(loss[0], table.sum())}
        for number, name in enumerate(self.classes):
            figures[f"recall_{name}"] = _share(table[number, number], table[number].sum())
            figures[f"precision_{name}"] = _share(table[number, number], table[:, number].sum())
            figures[f"residues_{name}"] = int(table[number].sum())
        return figures


def q3(table: np.ndarray, classes: str) -> float:
    """Return the share of residues whose class of three is correct, from a table of labelled by predicted classes."""
    three = np.array([CLASSES["ss3"].index(to_three(name)) for name in classes])
    return _share(table[three[:, None] == three[None, :]].sum(), table.sum())


def to_three(name: str) -> str:
    """Return the class of three (H, E or C) of a class of eight or of three."""
    if name in HELIX:
        return "H"
    return "E" if name in STRAND else COIL


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
