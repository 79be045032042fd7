"""How well the predicted structure agrees with the given: Q3, Q8 and what each class contributes."""

from __future__ import annotations

import numpy as np
import torch
from networks import CLASSES, IGNORED

HELIX, STRAND, COIL = "HGI", "EB", "C"
"""The eight classes of DSSP as three: G, H and I are helix, E and B strand, all others coil."""


class Tally:
    """Counts over residues, which processes can add up."""

    def __init__(self, classes: str, proteins: int, device: torch.device | str = "cpu"):
        self.classes, self.proteins, n = classes, proteins, len(classes)
        self.sums = torch.zeros(n * n + 2 * proteins + 1, dtype=torch.float64, device=device)

    def _parts(self) -> tuple[torch.Tensor, ...]:
        """Views: given class by predicted class, right ones of each protein, scored ones of each, [sum of losses]."""
        n = len(self.classes)
        table, right, scored, loss = self.sums.split([n * n, self.proteins, self.proteins, 1])
        return table.view(n, n), right, scored, loss

    def add(self, logits: torch.Tensor, labels: torch.Tensor, proteins: torch.Tensor) -> None:
        """A batch: (n, length, classes), (n, length), and the place of each row's protein."""
        table, right, scored, loss = self._parts()
        there = labels != IGNORED
        given, called = labels[there], logits[there].argmax(-1)
        whose = proteins[:, None].expand_as(labels)[there]
        one = torch.ones_like(given, dtype=self.sums.dtype)
        table.index_put_((given, called), one, accumulate=True)
        scored.index_put_((whose,), one, accumulate=True)
        right.index_put_((whose,), (given == called).to(one.dtype), accumulate=True)
        loss += torch.nn.functional.cross_entropy(logits[there].float(), given, reduction="sum").double()

    def figures(self) -> dict[str, float]:
        """q3, q8 where there are eight classes, the mean of the proteins' own, and each class's recall, precision and
        residues; nan where nothing was scored."""
        table, right, scored, loss = (part.cpu().numpy() for part in self._parts())
        seen = scored > 0
        share = right[seen] / scored[seen]
        found = {f"q{len(self.classes)}": _share(table.trace(), table.sum()), "q3": q3(table, self.classes)}
        found |= {"q_per_protein": _share(share.sum(), seen.sum()), "loss": _share(loss[0], table.sum())}
        for number, letter in enumerate(self.classes):
            found[f"recall_{letter}"] = _share(table[number, number], table[number].sum())
            found[f"precision_{letter}"] = _share(table[number, number], table[:, number].sum())
            found[f"residues_{letter}"] = int(table[number].sum())
        return found


def q3(table: np.ndarray, classes: str) -> float:
    """Share of residues whose class of three is right, of a table of given by predicted classes."""
    three = np.array([CLASSES["ss3"].index(of_three(letter)) for letter in classes])
    return _share(table[three[:, None] == three[None, :]].sum(), table.sum())


def of_three(letter: str) -> str:
    return "H" if letter in HELIX else "E" if letter in STRAND else COIL


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
