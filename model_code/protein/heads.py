"""From what an encoder says of each residue to the logits of its classes."""

from __future__ import annotations

import torch
from torch import nn

BETWEEN, KERNEL, DROPOUT = 32, 7, 0.25
"""Of the small CNN: width between its two layers, residues that each of them sees, share dropped between them."""
NAMES = ("linear", "cnn")


class LinearHead(nn.Linear):
    """Judges each residue by its own features."""


class ConvolutionHead(nn.Module):
    """Two convolutions: judges a residue with its neighbours, for an encoder that is not trained itself."""

    def __init__(self, width: int, classes: int):
        super().__init__()
        self.first = nn.Conv1d(width, BETWEEN, KERNEL, padding="same")
        self.second = nn.Conv1d(BETWEEN, classes, KERNEL, padding="same")
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """`there` (n, length, 1) is 0 where no residue is: nothing comes in from there."""
        between = self.dropout(torch.relu(self.first(features.transpose(1, 2)))) * there.transpose(1, 2)
        return self.second(between).transpose(1, 2)


def head(name: str, width: int, classes: int) -> nn.Module:
    """A head of a name in NAMES, with random weights."""
    if name not in NAMES:
        raise ValueError(f"head is {name!r}; it must be one of {', '.join(NAMES)}")
    return LinearHead(width, classes) if name == "linear" else ConvolutionHead(width, classes)
