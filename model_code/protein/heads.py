"""Heads: from an encoder's features of each residue to the logits of its classes."""

from __future__ import annotations

import torch
from torch import nn

BETWEEN, KERNEL, DROPOUT = 32, 7, 0.25
"""Shape of the small CNN: width between its two layers, residues in a kernel, share of dropout between the layers."""
NAMES = ("linear", "cnn")


class LinearHead(nn.Linear):
    """A head that classifies each residue by its own features."""


class ConvolutionHead(nn.Module):
    """Two convolutions that classify a residue together with its neighbours, for an encoder that is not trained."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, BETWEEN, KERNEL, padding="same")
        self.second = nn.Conv1d(BETWEEN, classes, KERNEL, padding="same")
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """Return logits, (n, length, classes). `present` (n, length, 1) is 0 for tokens that are not residues.

        Such tokens do not contribute to their neighbours.
        """
        between = self.dropout(torch.relu(self.first(features.transpose(1, 2)))) * present.transpose(1, 2)
        return self.second(between).transpose(1, 2)


def make_head(name: str, width: int, classes: int) -> nn.Module:
    """Return a head with random weights. Raise ValueError for a name that is not in NAMES."""
    if name not in NAMES:
        raise ValueError(f"head is {name!r}; it must be one of {', '.join(NAMES)}")
    return LinearHead(width, classes) if name == "linear" else ConvolutionHead(width, classes)
