"""Bytes of activations, the tensors that a forward pass keeps for the backward pass.

They are counted as in Korthikanti et al. 2022 (arXiv:2205.05198, section 4): each tensor that the backward pass needs,
for these architectures as PyTorch runs them. h is the hidden width, a the width of all queries, f the width of the
feed-forward layer, H the number of heads, s the number of tokens in a sequence. Bytes of one layer for each token:

    T5                     26 h + 8 a + 5 f + 8      norms and residuals in fp32, a copy in bf16 for each product
    T5 under FSDP          22 h + 8 a + 5 f + 8      residuals in bf16 as well
    T5 with LoRA           20 h + 8 a + 3 f + 8      without tensors that only gradients of frozen weights need
    T5 decoder, added      15 h + 8 a + 4            attention to the encoder
    BERT                   18 h + 8 a + 4 f
    BERT under FSDP        10 h + 8 a + 4 f
    BERT with LoRA         18 h + 8 a + 2 f
    cnn                    13 h                      fp32

A T5 with eager attention needs 7 H s more (twice that in a decoder): probabilities in fp32 and bf16, and a byte for
dropout. With checkpointing each layer keeps its input (4 h; 2 h in bf16), and layers are computed again one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.training.distribution.profiles import LORA

if TYPE_CHECKING:
    from seqdrop.training.distribution.distribution import Distribution
    from seqdrop.training.plan.shapes import Shape


@dataclass(frozen=True)
class Work:
    """The work of one process."""

    tokens: int
    """Tokens in one forward pass."""
    length: int
    """Tokens in the longest sequence."""
    processes: int
    """Processes on all hosts."""
    bf16: bool = True
    """Whether products are computed in bf16; otherwise in fp32."""
    eager: bool = True
    """Whether T5's attention keeps its scores, as up to transformers 5.3, which SageMaker's images have."""
    frozen: bool = False
    """Whether only the head is trained."""
    on_gpu: bool = True


@dataclass(frozen=True)
class Activations:
    """Bytes of activations of one process."""

    shape: Shape
    distribution: Distribution
    work: Work

    @property
    def _has_adapters(self) -> bool:
        return self.distribution.profile == LORA

    @property
    def checkpointed(self) -> bool:
        """Whether only the inputs of layers are kept."""
        return self.distribution.activation_checkpointing and self.shape.family != "cnn"

    @property
    def checkpoints(self) -> int:
        """Bytes of the input of one layer."""
        half = self.work.bf16 and (self.distribution.is_sharded or self._has_adapters)
        return (2 if half else 4) * self.shape.hidden * self.work.tokens

    @property
    def kept(self) -> int:
        """Bytes on the GPU that are kept for the backward pass."""
        if self.work.frozen:
            return 0
        layers = self.shape.layers + self.shape.decoder
        if not self.checkpointed:
            return sum(count * self._layer_bytes(decodes) for count, decodes in self._stacks)
        return self.checkpoints * (2 if self.distribution.activation_offloading else layers)

    @property
    def _stacks(self) -> tuple[tuple[int, bool], ...]:
        return (self.shape.layers, False), (self.shape.decoder, True)

    @property
    def layer(self) -> int:
        """Bytes of the largest layer, which is computed again if only checkpoints are kept."""
        return self._layer_bytes(bool(self.shape.decoder))

    def _layer_bytes(self, decodes: bool) -> int:
        return self._by_precision(self._per_token(decodes) * self.work.tokens) + (1 + decodes) * 7 * self._scores

    def _per_token(self, decodes: bool) -> int:
        h, a, f = self.shape.hidden, self.shape.inner, self.shape.feed
        if self.shape.family == "cnn":
            return 13 * h
        half = self.distribution.is_sharded and self.work.bf16
        if self.shape.family == "bert":
            return (10 if half else 18) * h + 8 * a + (2 if self._has_adapters else 4) * f
        norms, feeds = (20, 3) if self._has_adapters else (22 if half else 26, 5)
        return norms * h + 8 * a + feeds * f + 8 + decodes * (15 * h + 8 * a + 4)

    @property
    def _scores(self) -> int:
        """Number of attention scores of one layer that are kept."""
        if self.shape.family != "t5" or not self.work.eager:
            return 0
        return self.work.tokens * self.work.length * self.shape.heads

    @property
    def bias(self) -> int:
        """Bytes of T5's position bias with the mask: an fp32 value for each pair of tokens and head, for all layers."""
        return 4 * self.work.tokens * self.work.length * self.shape.heads if self.shape.family == "t5" else 0

    @property
    def working(self) -> int:
        """Bytes of the widest gradients in a layer, at a time when both operands of a product are in memory."""
        if self.shape.family == "cnn":
            return 8 * self.shape.hidden * self.work.tokens
        feed = self.work.tokens * self.shape.feed
        return self._by_precision(max(5 * feed, 2 * feed + 8 * self._scores))

    def _by_precision(self, count: int) -> int:
        """Return bytes at the precision of the work. Without bf16, operands of products (the largest part) double."""
        return count if self.work.bf16 else int(count * 1.8)

    @property
    def description(self) -> str:
        """The activations that are kept, in words."""
        if self.work.frozen:
            return "none: the encoder is frozen"
        if not self.checkpointed:
            return "of every layer"
        where = ", on the host except for two" if self.distribution.activation_offloading else ""
        return f"the input of every layer{where}"
