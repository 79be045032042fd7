"""A network of our own: one-hot residues through a stack of convolutions. Small enough to learn on two cores."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

SHAPE = {"model_type": "seqdrop-cnn", "width": 128, "kernel": 9, "dilations": [1, 1, 2, 2, 4], "dropout": 0.1}
"""A residue is judged by the 40 to either side of it: 4 x (1 + 1 + 2 + 2 + 4)."""


class ConvolutionEncoder(nn.Module):
    """(n, length) token ids to (n, length, width). Padding stays zero throughout, so it changes nothing."""

    def __init__(self, shape: dict):
        super().__init__()
        self.config = SimpleNamespace(**(shape | {"hidden_size": shape["width"]}))
        widths = [shape["vocab_size"]] + [shape["width"]] * len(shape["dilations"])
        self.layers = nn.ModuleList(
            nn.Conv1d(before, shape["width"], shape["kernel"], padding="same", dilation=dilation)
            for before, dilation in zip(widths, shape["dilations"], strict=False)
        )
        self.dropout = nn.Dropout(shape["dropout"])

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        there = attention_mask[:, None, :].to(self.layers[0].weight.dtype)
        hot = nn.functional.one_hot(input_ids, self.config.vocab_size).transpose(1, 2).to(there.dtype)
        found = hot * there
        for number, layer in enumerate(self.layers):
            new = self.dropout(nn.functional.gelu(layer(found))) * there
            found = found + new if number else new
        return found.transpose(1, 2)
