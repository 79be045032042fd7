"""Bytes that training needs on one GPU, line by line, at the moment that needs most of them.

The states of the model follow Rajbhandari et al. 2020 (ZeRO, arXiv:1910.02054, section 3): 4 bytes of a parameter, 4 of
its gradient and 8 of AdamW's two moments, all in fp32, and all divided by the number of processes under FSDP (ZeRO-3).
There is no second copy of them for mixed precision: products run on copies in bf16 that autocast makes (2 bytes a
parameter, held from forward to backward), or that FSDP gathers a block at a time.

Activations are those of activations.py. CHAPTER_BYTES is the source chapter's rule, 20 bytes a parameter, which
counts states only, and twice.

Unit tests hold these formulas to the allocations of the true architectures on fake tensors; benchmarks/training.py
holds them to a GPU's.
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
CHAPTER_BYTES = 20  # of mixed precision with two copies: 2 + 2 (fp16), 8 (Adam), 4 + 4 (fp32 for Adam)
CUDA_CONTEXT, NCCL, CPU_PROCESS = int(0.6 * GIB), int(0.5 * GIB), int(1.0 * GIB)
UNUSABLE = 0.05  # of what is allocated: pieces between blocks that the allocator can give to nobody


@dataclass(frozen=True)
class Line:
    """One part of the bytes, and what it is."""

    name: str
    bytes: int
    what: str


@dataclass(frozen=True)
class Memory:
    """Bytes of one process: of its GPU, or of the host where there is none. `host` are those that offloading moves."""

    lines: tuple[Line, ...]
    moment: str
    host: int

    @property
    def total(self) -> int:
        return sum(line.bytes for line in self.lines)

    @property
    def allocated(self) -> int:
        """What PyTorch's allocator holds at the peak, which is what a benchmark can measure."""
        return sum(line.bytes for line in self.lines if line.name not in ("framework", "unusable"))


def estimate_memory(shape: Shape, distribution: Distribution, work: Work, head: int) -> Memory:
    """The plan of one process. `head` is the number of parameters above the encoder, which are always trained."""
    counted = _Counted(shape, distribution, work, head)
    before, after = counted.before_backward(), counted.end_of_backward()
    moment, lines = max(((FORWARD, before), (BACKWARD, after)), key=lambda pair: sum(one.bytes for one in pair[1]))
    unusable = int(UNUSABLE * sum(one.bytes for one in lines))
    rest = (
        Line("unusable", unusable, f"{UNUSABLE:.0%} that the allocator loses between blocks"),
        Line("framework", counted.framework, "CUDA context, libraries, NCCL" if work.on_gpu else "Python and PyTorch"),
    )
    return Memory(tuple(one for one in (*lines, *rest) if one.bytes), moment, counted.host)


class _Counted:
    """The parts of which the moments are made."""

    def __init__(self, shape: Shape, distribution: Distribution, work: Work, head: int):
        self.shape, self.distribution, self.work = shape, distribution, work
        self.sharded = distribution.is_sharded
        self.parts = work.processes if self.sharded else 1
        self.adapted = distribution.profile == "lora"
        few = self.adapted or work.frozen
        adapters = shape.adapters(distribution.lora_rank) if self.adapted else 0
        self.frozen = shape.parameters if few else 0
        self.trained = head + adapters + (0 if few else shape.parameters)
        self.activations = Activations(shape, distribution, work)
        self.offloads = distribution.profile == "fsdp_offload"

    @property
    def framework(self) -> int:
        if not self.work.on_gpu:
            return CPU_PROCESS
        return CUDA_CONTEXT + (NCCL if self.work.processes > 1 else 0)

    @property
    def host(self) -> int:
        """With offloading, states and pinned copies of gradients; and checkpoints that were moved."""
        states = 16 * self.trained // self.parts + 2 * self.frozen if self.offloads else 0
        moved = self.distribution.activation_offloading
        return states + (self.activations.checkpoints * (self.shape.layers + self.shape.decoder) if moved else 0)

    def states(self) -> list[Line]:
        if self.offloads:
            return [*self._gathered()]
        parameters = 4 * self.trained // self.parts + (2 if self.work.bf16 else 4) * self.frozen // self.parts
        return [
            Line("parameters", parameters, self._said("fp32", self.frozen and "frozen ones in bf16")),
            Line("optimizer", 8 * self.trained // self.parts, self._said("AdamW's two moments, fp32")),
            *self._gathered(),
        ]

    def before_backward(self) -> list[Line]:
        """All that the forward pass left for the backward pass is there; gradients are not, or of the last passes."""
        kept = self.distribution.passes > 1 or self._in_buckets
        held = self._gradients if kept and not self.offloads else 0
        checkpointed = self.activations.checkpointed
        again = self.activations.layer if checkpointed and not self.work.frozen else 0
        return [
            *self.states(),
            Line("gradients", held, "of the passes before, or in the buckets that DDP sends"),
            Line("activations", self.activations.held + self.activations.bias, self.activations.said),
            Line(
                "weights in bf16",
                0 if self.activations.checkpointed else self._copies(self.shape.products),
                "by autocast",
            ),
            Line("working memory", self.activations.working + again, "of the layer at hand"),
        ]

    def end_of_backward(self) -> list[Line]:
        """Gradients are there; activations are gone, but for the block at hand, whose gradients are being cast."""
        held = 0 if self.offloads else self._gradients
        block = 0 if self.work.frozen else self.activations.layer
        return [
            *self.states(),
            Line("gradients", held, self._said("fp32")),
            Line("activations", self.activations.bias + block, "of the block at hand"),
            Line("weights in bf16", self._copies(self.shape.block), "of that block, by autocast"),
            Line("working memory", self.activations.working, "of the layer at hand"),
        ]

    def _gathered(self) -> list[Line]:
        """Two blocks (one ahead) and what lies in no block, and one block's gradient, reduced in fp32."""
        if not self.sharded:
            return []
        size = 2 if self.work.bf16 else 4
        gathered = size * (2 * self.shape.block + self.shape.outside) + (size + 4) * self.shape.block
        return [Line("gathered blocks", gathered, "two blocks at a time, and one block's gradient")]

    @property
    def _in_buckets(self) -> bool:
        """DDP's gradients are views into buckets, which are there from the first step on."""
        return not self.sharded and self.work.processes > 1

    def _copies(self, parameters: int) -> int:
        """Autocast copies fp32 weights to bf16; FSDP and frozen weights are in bf16 already."""
        cast = self.work.bf16 and not self.sharded and not self.frozen
        return 2 * parameters if cast and self.shape.family != "cnn" else 0

    @property
    def _gradients(self) -> int:
        return 4 * self.trained // self.parts

    def _said(self, what: str, more: object = "") -> str:
        split = f", 1/{self.parts} of them" if self.parts > 1 else ""
        return what + split + (f"; {more}" if more else "")
