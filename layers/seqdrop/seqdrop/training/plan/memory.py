"""Bytes that training needs on one GPU, line by line, at the moment of the peak.

The states of the model follow Rajbhandari et al. 2020 (ZeRO, arXiv:1910.02054, section 3): for each parameter 4 bytes,
4 for its gradient and 8 for AdamW's two moments, all in fp32, and all divided by the number of processes under FSDP
(ZeRO-3). There is no second copy of them for mixed precision. Products use copies in bf16, which autocast makes (2
bytes per parameter, kept from the forward to the backward pass), or which FSDP gathers one block at a time.

activations.py counts activations. CHAPTER_BYTES is the rule of the source chapter, 20 bytes per parameter, which counts
only states, and counts them twice.

Unit tests compare these formulas with the allocations of the real architectures on fake tensors. benchmarks/training.py
compares them with the allocations on a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.training.plan.activations import Activations, Work
from seqdrop.training.plan.instances import GIB

if TYPE_CHECKING:
    from seqdrop.training.distribution.distribution import Distribution
    from seqdrop.training.plan.shapes import Shape

FORWARD, BACKWARD = "before the backward pass", "at the end of the backward pass"
CHAPTER_BYTES = 20  # mixed precision with two copies: 2 + 2 (fp16), 8 (Adam), 4 + 4 (fp32 for Adam)
CUDA_CONTEXT, NCCL, CPU_PROCESS = int(0.6 * GIB), int(0.5 * GIB), int(1.0 * GIB)
UNUSABLE = 0.05  # share of the allocated bytes that the allocator cannot use, as gaps between blocks


@dataclass(frozen=True)
class Line:
    """One part of the bytes, and its description."""

    name: str
    bytes: int
    what: str


@dataclass(frozen=True)
class Memory:
    """Bytes that one process needs, on its GPU or, without GPUs, on the host."""

    lines: tuple[Line, ...]
    moment: str
    """The time of the peak, in words."""
    host: int
    """Bytes that offloading moves to the host."""

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(line.bytes for line in self.lines)

    @property
    def allocated(self) -> int:
        """Bytes in PyTorch's allocator at the peak, which a benchmark can measure."""
        return sum(line.bytes for line in self.lines if line.name not in ("framework", "unusable"))


def estimate_memory(shape: Shape, distribution: Distribution, work: Work, head: int) -> Memory:
    """Return the bytes of one process. `head` is the number of parameters above the encoder, all of them trained."""
    parts = _Parts(shape, distribution, work, head)
    before, after = parts.before_backward(), parts.end_of_backward()
    moment, lines = max(((FORWARD, before), (BACKWARD, after)), key=lambda pair: sum(line.bytes for line in pair[1]))
    unusable = int(UNUSABLE * sum(line.bytes for line in lines))
    rest = (
        Line("unusable", unusable, f"{UNUSABLE:.0%} that the allocator loses between blocks"),
        Line("framework", parts.framework, "CUDA context, libraries, NCCL" if work.on_gpu else "Python and PyTorch"),
    )
    return Memory(tuple(line for line in (*lines, *rest) if line.bytes), moment, parts.host)


class _Parts:
    """The lines of memory at the two moments that may be the peak."""

    def __init__(self, shape: Shape, distribution: Distribution, work: Work, head: int) -> None:
        self.shape, self.distribution, self.work = shape, distribution, work
        self.sharded = distribution.is_sharded
        self.parts = work.processes if self.sharded else 1
        self.adapted = distribution.profile == "lora"
        is_frozen = self.adapted or work.frozen
        adapters = shape.adapters(distribution.lora_rank) if self.adapted else 0
        self.frozen = shape.parameters if is_frozen else 0
        self.trained = head + adapters + (0 if is_frozen else shape.parameters)
        self.activations = Activations(shape, distribution, work)
        self.offloads = distribution.profile == "fsdp_offload"

    @property
    def framework(self) -> int:
        """Bytes of CUDA, NCCL and libraries."""
        if not self.work.on_gpu:
            return CPU_PROCESS
        return CUDA_CONTEXT + (NCCL if self.work.processes > 1 else 0)

    @property
    def host(self) -> int:
        """Bytes that offloading moves to the host: states with pinned copies of gradients, and inputs of layers."""
        states = 16 * self.trained // self.parts + 2 * self.frozen if self.offloads else 0
        moved = self.distribution.activation_offloading
        return states + (self.activations.checkpoints * (self.shape.layers + self.shape.decoder) if moved else 0)

    def states(self) -> list[Line]:
        """Return the lines of parameters and optimizer."""
        if self.offloads:
            return [*self._gathered_blocks()]
        parameters = 4 * self.trained // self.parts + (2 if self.work.bf16 else 4) * self.frozen // self.parts
        return [
            Line("parameters", parameters, self._describe("fp32", self.frozen and "frozen ones in bf16")),
            Line("optimizer", 8 * self.trained // self.parts, self._describe("AdamW's two moments, fp32")),
            *self._gathered_blocks(),
        ]

    def before_backward(self) -> list[Line]:
        """Return the lines after a forward pass, with all activations and the gradients of earlier passes."""
        has_gradients = self.distribution.passes > 1 or self._uses_buckets
        gradients = self._gradients if has_gradients and not self.offloads else 0
        checkpointed = self.activations.checkpointed
        again = self.activations.layer if checkpointed and not self.work.frozen else 0
        return [
            *self.states(),
            Line("gradients", gradients, "of earlier passes, or in the buckets that DDP sends"),
            Line("activations", self.activations.kept + self.activations.bias, self.activations.description),
            Line(
                "weights in bf16",
                0 if self.activations.checkpointed else self._copies(self.shape.products),
                "by autocast",
            ),
            Line("working memory", self.activations.working + again, "of the current layer"),
        ]

    def end_of_backward(self) -> list[Line]:
        """Return the lines with all gradients, and with the activations of the last block, whose gradients are cast."""
        gradients = 0 if self.offloads else self._gradients
        block = 0 if self.work.frozen else self.activations.layer
        return [
            *self.states(),
            Line("gradients", gradients, self._describe("fp32")),
            Line("activations", self.activations.bias + block, "of the current block"),
            Line("weights in bf16", self._copies(self.shape.block), "of that block, by autocast"),
            Line("working memory", self.activations.working, "of the current layer"),
        ]

    def _gathered_blocks(self) -> list[Line]:
        """Return the line of what FSDP gathers, if it is used.

        These are two blocks (one ahead), parameters outside of blocks, and one block's gradient, reduced in fp32.
        """
        if not self.sharded:
            return []
        size = 2 if self.work.bf16 else 4
        gathered = size * (2 * self.shape.block + self.shape.outside) + (size + 4) * self.shape.block
        return [Line("gathered blocks", gathered, "two blocks at a time, and one block's gradient")]

    @property
    def _uses_buckets(self) -> bool:
        """Whether gradients are views into DDP's buckets, which exist from the first step on."""
        return not self.sharded and self.work.processes > 1

    def _copies(self, parameters: int) -> int:
        """Return the bytes of autocast's bf16 copies; weights of FSDP and frozen weights are already in bf16."""
        cast = self.work.bf16 and not self.sharded and not self.frozen
        return 2 * parameters if cast and self.shape.family != "cnn" else 0

    @property
    def _gradients(self) -> int:
        return 4 * self.trained // self.parts

    def _describe(self, what: str, more: object = "") -> str:
        split = f", 1/{self.parts} of them" if self.parts > 1 else ""
        return what + split + (f"; {more}" if more else "")
