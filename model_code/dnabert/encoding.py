"""BERT's layers applied to a pack. Only attention combines tokens, and only within a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from packing import Pack
    from transformers import BertModel
    from transformers.models.bert.modeling_bert import BertLayer


@torch.inference_mode()
def encode(bert: BertModel, pack: Pack, dtype: torch.dtype, rows: torch.Tensor | None = None) -> torch.Tensor:
    """Return the last hidden states of a pack, (N, width). Attention is computed in `dtype`.

    With `rows` (m,), the index of one token of each sequence, return only the states of these tokens, (m, width). The
    last layer is then computed for them alone.
    """
    hidden = bert.embeddings(pack.ids, token_type_ids=torch.zeros_like(pack.ids), position_ids=pack.positions)[0]
    *layers, last = bert.encoder.layer
    for layer in layers:
        hidden = _apply(layer, hidden, hidden, pack, dtype)
    return _apply(last, hidden, hidden if rows is None else hidden[rows], pack, dtype)


def _apply(
    layer: BertLayer, hidden: torch.Tensor, selected: torch.Tensor, pack: Pack, dtype: torch.dtype
) -> torch.Tensor:
    """Return the layer's output for the rows `selected`: all rows of `hidden`, or one per sequence."""
    maps, heads = layer.attention.self, layer.attention.self.num_attention_heads
    q, k, v = (
        project(rows).unflatten(-1, (heads, -1)).transpose(0, 1).to(dtype)
        for project, rows in ((maps.query, selected), (maps.key, hidden), (maps.value, hidden))
    )
    mixed = attention(q, k, v, pack, selected is not hidden).transpose(0, 1).flatten(1).to(hidden.dtype)
    attended = layer.attention.output(mixed, selected)
    return layer.output(layer.intermediate(attended), attended)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, pack: Pack, single: bool) -> torch.Tensor:
    """Return the attention within each sequence, (heads, n, d).

    Queries are (heads, n, d), keys and values (heads, N, d). If `single`, each sequence has one query (n sequences),
    else one for each of its tokens (n = N).
    """
    result = torch.empty_like(q)
    for group in pack.groups:
        rows = group.sequences if single else group.tokens
        parts = (q[:, rows], k[:, group.tokens], v[:, group.tokens])
        result[:, rows] = _attend(*(part.unflatten(1, (group.count, -1)) for part in parts)).flatten(1, 2)
    return result


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Return the attention of sequences of one length; all tensors are (heads, count, T, d).

    If a CPU multiplies bf16 in hardware, three plain products are nearly twice as fast as PyTorch's fused attention,
    which is no faster there than in fp32 (benchmarks/inference.py).
    """
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return scaled_dot_product_attention(q, k, v)
    flat = [part.flatten(0, 1).contiguous() for part in (q * q.shape[-1] ** -0.5, k, v)]
    shares = torch.bmm(flat[0], flat[1].transpose(1, 2)).softmax(-1)
    return torch.bmm(shares, flat[2]).unflatten(0, q.shape[:2])
