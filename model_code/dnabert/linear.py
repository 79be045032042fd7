"""Linear layers whose weights lie as the CPU's matrix units want them."""

from __future__ import annotations

import torch
from torch import nn

TOKENS = 2048
"""Rows of a product that the layout is chosen for; any other number works as well."""


class PackedLinear(nn.Module):
    """What nn.Linear does in bf16, with the weights laid out once and not at each call (8 to 25 % of its time)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.bias = layer.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), TOKENS)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(rows, self._weight, self.bias, "none", [], "")


@torch.no_grad()
def packed(model: nn.Module) -> nn.Module:
    """The model with each nn.Linear replaced, where this build of PyTorch has what it takes (oneDNN; the operators are
    those that torch.compile uses); else as it was."""
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")):
        return model
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear:
                setattr(parent, name, PackedLinear(layer))
    return model
