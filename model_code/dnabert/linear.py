"""Linear layers whose weights are stored in the layout of the CPU's matrix units."""

from __future__ import annotations

import torch
from torch import nn

TOKENS = 2048
"""Number of rows for which the layout is optimised. Products with any other number of rows work as well."""


class PackedLinear(nn.Module):
    """nn.Linear in bf16, with weights reordered once. Reordering at each call takes 8 to 25 % of its time."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.bias = layer.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), TOKENS)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the product, (..., outputs), for rows (..., inputs)."""
        return torch.ops.mkldnn._linear_pointwise(rows, self._weight, self.bias, "none", [], "")


@torch.no_grad()
def pack_linear_layers(model: nn.Module) -> nn.Module:
    """Replace each nn.Linear of a model in place, and return the model.

    Change nothing if this build of PyTorch lacks oneDNN or the operators, which torch.compile uses as well, or if the
    processor has none of the instructions with which oneDNN computes in bf16, such as AVX512. PyTorch's own layers
    compute in bf16 on every processor, but slowly.
    """
    if not _can_pack():
        return model
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear:
                setattr(parent, name, PackedLinear(layer))
    return model


def _can_pack() -> bool:
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")):
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
