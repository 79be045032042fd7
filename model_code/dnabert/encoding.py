"""BERT's layers over a pack. All but attention treats each token by itself; attention stays within each sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from packing import Pack
    from transformers import BertModel


@torch.inference_mode()
def encoded(bert: BertModel, pack: Pack, dtype: torch.dtype, rows: torch.Tensor | None = None) -> torch.Tensor:
    """The last hidden states (N, width) of a pack, attention computed in `dtype`.

    With `rows` (m,), one token of each sequence, theirs only, (m, width): then the last layer, of which nothing else is
    asked, is computed for them alone.
    """
    hidden = bert.embeddings(pack.ids, token_type_ids=torch.zeros_like(pack.ids), position_ids=pack.positions)[0]
    *layers, last = bert.encoder.layer
    for layer in layers:
        hidden = _through(layer, hidden, hidden, pack, dtype)
    return _through(last, hidden, hidden if rows is None else hidden[rows], pack, dtype)


def _through(layer, hidden: torch.Tensor, asked: torch.Tensor, pack: Pack, dtype: torch.dtype) -> torch.Tensor:
    """What a layer makes of the rows `asked`, all of `hidden` or one a sequence, among all of `hidden`."""
    maps, heads = layer.attention.self, layer.attention.self.num_attention_heads
    q, k, v = (
        project(rows).unflatten(-1, (heads, -1)).transpose(0, 1).to(dtype)
        for project, rows in ((maps.query, asked), (maps.key, hidden), (maps.value, hidden))
    )
    seen = attention(q, k, v, pack, asked is not hidden).transpose(0, 1).flatten(1).to(hidden.dtype)
    attended = layer.attention.output(seen, asked)
    return layer.output(layer.intermediate(attended), attended)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, pack: Pack, single: bool) -> torch.Tensor:
    """(heads, n, d) for queries (heads, n, d), keys and values (heads, N, d), each sequence by itself; `single` where a
    sequence has one query, else all of its tokens ask."""
    answer = torch.empty_like(q)
    for stretch in pack.stretches:
        asked = stretch.sequences if single else stretch.tokens
        parts = (q[:, asked], k[:, stretch.tokens], v[:, stretch.tokens])
        answer[:, asked] = _within(*(part.unflatten(1, (stretch.count, -1)) for part in parts)).flatten(1, 2)
    return answer


def _within(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """(heads, count, T, d) each. Where a CPU multiplies bf16 in hardware, three plain products are nearly twice as fast
    as PyTorch's fused attention, which is no faster there than in fp32 (benchmarks/inference.py)."""
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return scaled_dot_product_attention(q, k, v)
    flat = [part.flatten(0, 1).contiguous() for part in (q * q.shape[-1] ** -0.5, k, v)]
    shares = torch.bmm(flat[0], flat[1].transpose(1, 2)).softmax(-1)
    return torch.bmm(shares, flat[2]).unflatten(0, q.shape[:2])
