"""A network without pre-training: one-hot residues and a stack of convolutions, small enough to train on two cores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

SHAPE = {"model_type": "seqdrop-cnn", "width": 128, "kernel": 9, "dilations": [1, 1, 2, 2, 4], "dropout": 0.1}
"""A prediction depends on the 40 residues to either side: 4 x (1 + 1 + 2 + 2 + 4)."""


class ConvolutionEncoder(nn.Module):
    """An encoder of token ids, (n, length), to features, (n, length, width).

    Padding stays zero in every layer, so it does not change the features.
    """

    def __init__(self, shape: dict[str, Any]) -> None:
        super().__init__()
        self.config = SimpleNamespace(**(shape | {"hidden_size": shape["width"]}))
        widths = [shape["vocab_size"]] + [shape["width"]] * len(shape["dilations"])
        self.layers = nn.ModuleList(
            nn.Conv1d(before, shape["width"], shape["kernel"], padding="same", dilation=dilation)
            for before, dilation in zip(widths, shape["dilations"], strict=False)
        )
        self.dropout = nn.Dropout(shape["dropout"])

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the features of each token."""
        present = attention_mask[:, None, :].to(self.layers[0].weight.dtype)
        one_hot = nn.functional.one_hot(input_ids, self.config.vocab_size).transpose(1, 2).to(present.dtype)
        features = one_hot * present
        for number, layer in enumerate(self.layers):
            update = self.dropout(nn.functional.gelu(layer(features))) * present
            features = features + update if number else update
        return features.transpose(1, 2)
