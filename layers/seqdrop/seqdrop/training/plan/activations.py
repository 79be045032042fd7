"""Bytes of activations: what a forward pass leaves for the backward pass.

They are counted as Korthikanti et al. 2022 (arXiv:2205.05198, section 4) count them, tensor by tensor that the
backward pass needs, for these architectures as PyTorch runs them. With h the hidden width, a that of all queries, f the
feed-forward one, H heads and s tokens in a sequence, a layer holds so many bytes for each token

    T5                     26 h + 8 a + 5 f + 8      norms and residuals in fp32, a copy in bf16 for each product
    T5 under FSDP          22 h + 8 a + 5 f + 8      residuals in bf16 as well
    T5 with LoRA           20 h + 8 a + 3 f + 8      what only the gradient of a frozen weight needs is not held
    T5, more in a decoder  15 h + 8 a + 4            its attention to the encoder
    BERT                   18 h + 8 a + 4 f
    BERT under FSDP        10 h + 8 a + 4 f
    BERT with LoRA         18 h + 8 a + 2 f
    cnn                    13 h                      fp32

and a T5 whose attention is eager 7 H s more (twice that in a decoder): probabilities in fp32 and bf16, and a byte for
dropout. With checkpointing each layer holds its input (4 h; 2 h in bf16), and is computed again one at a time.
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
    """What one process has in hand. `tokens` are those of one forward pass, `length` those of its longest sequence."""

    tokens: int
    length: int
    processes: int
    bf16: bool = True
    eager: bool = True
    """Whether T5's attention holds its scores: so until transformers 5.3, which SageMaker's images have."""
    frozen: bool = False
    on_gpu: bool = True


@dataclass(frozen=True)
class Activations:
    """Those of one process."""

    shape: Shape
    distribution: Distribution
    work: Work

    @property
    def _adapted(self) -> bool:
        return self.distribution.profile == LORA

    @property
    def checkpointed(self) -> bool:
        return self.distribution.activation_checkpointing and self.shape.family != "cnn"

    @property
    def checkpoints(self) -> int:
        half = self.work.bf16 and (self.distribution.is_sharded or self._adapted)
        return (2 if half else 4) * self.shape.hidden * self.work.tokens

    @property
    def held(self) -> int:
        if self.work.frozen:
            return 0
        layers = self.shape.layers + self.shape.decoder
        if not self.checkpointed:
            return sum(count * self._of(decodes) for count, decodes in self._stacks)
        return self.checkpoints * (2 if self.distribution.activation_offloading else layers)

    @property
    def _stacks(self) -> tuple[tuple[int, bool], ...]:
        return (self.shape.layers, False), (self.shape.decoder, True)

    @property
    def layer(self) -> int:
        """The largest layer, which is computed again where there are only checkpoints."""
        return self._of(bool(self.shape.decoder))

    def _of(self, decodes: bool) -> int:
        return self._by_precision(self._per_token(decodes) * self.work.tokens) + (1 + decodes) * 7 * self._scores

    def _per_token(self, decodes: bool) -> int:
        h, a, f = self.shape.hidden, self.shape.inner, self.shape.feed
        if self.shape.family == "cnn":
            return 13 * h
        half = self.distribution.is_sharded and self.work.bf16
        if self.shape.family == "bert":
            return (10 if half else 18) * h + 8 * a + (2 if self._adapted else 4) * f
        norms, feeds = (20, 3) if self._adapted else (22 if half else 26, 5)
        return norms * h + 8 * a + feeds * f + 8 + decodes * (15 * h + 8 * a + 4)

    @property
    def _scores(self) -> int:
        """Values in one layer's attention scores, where they are held."""
        held = self.shape.family == "t5" and self.work.eager
        return self.work.tokens * self.work.length * self.shape.heads if held else 0

    @property
    def bias(self) -> int:
        """T5's position bias with the mask, which all layers share: a value for each pair of tokens and head."""
        return 4 * self.work.tokens * self.work.length * self.shape.heads if self.shape.family == "t5" else 0

    @property
    def working(self) -> int:
        """Gradients of the widest tensors of a layer, while both ends of a product are there."""
        if self.shape.family == "cnn":
            return 8 * self.shape.hidden * self.work.tokens
        feed = self.work.tokens * self.shape.feed
        return self._by_precision(max(5 * feed, 2 * feed + 8 * self._scores))

    def _by_precision(self, count: int) -> int:
        """Without bf16, what is held for products is twice as large; most of it is."""
        return count if self.work.bf16 else int(count * 1.8)

    @property
    def said(self) -> str:
        if self.work.frozen:
            return "none: the encoder is frozen"
        if not self.checkpointed:
            return "of every layer"
        where = ", on the host but for two" if self.distribution.activation_offloading else ""
        return f"the input of every layer{where}"
