"""Hours and dollars of a training job, from its tokens.

A step takes as long as its arithmetic or its traffic, whichever is longer, since FSDP and DDP send while they compute.

Arithmetic (Kaplan et al. 2020, arXiv:2001.08361, section 2.1): for each parameter and token, 2 operations in the
forward pass and 4 in the backward pass. Attention adds 4 s a for each token and layer in the forward pass (s tokens in
the sequence, a the width of all queries), and twice that in the backward pass. Checkpointing repeats the forward pass.
A GPU reaches the share UTILISATION of its peak.

Traffic: DDP sums fp32 gradients. FSDP gathers bf16 parameters in both passes, and reduces fp32 gradients.

No rate was measured on these instances: expect hours to be right within a factor of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws.prices import PRICES
from seqdrop.training.distribution.profiles import DDP, FSDP_OFFLOAD, LORA
from seqdrop.training.plan.instances import SPOT_HIGH, SPOT_LOW, Instance

if TYPE_CHECKING:
    from seqdrop.training.distribution.distribution import Distribution
    from seqdrop.training.plan.activations import Work
    from seqdrop.training.plan.shapes import Shape

UTILISATION = 0.35  # share of the dense peak of bf16 products, for layers of this width in eager PyTorch
UTILISATION_EAGER = 0.25  # the same if attention writes its scores to memory
SECONDS_A_LAYER = 0.004  # least time of a layer in a step, with few tokens: the kernels must be launched
CPU_TFLOPS = 0.02  # TFLOPS of one vCPU with fp32 convolutions
PADDING = 1.08  # tokens computed for each residue, because of padding (batches are by length) and special tokens
HOURS_AROUND = 0.15  # hours to load weights, validate, test and save; SageMaker bills from the download on
PCIE_GBS = 12.0  # GB/s between a GPU and its host, if states are offloaded
HOST_UPDATES = 1e9  # parameters per second that AdamW updates on the processors of a host


@dataclass(frozen=True)
class Machine:
    """An instance type with its price, on spot or on demand."""

    instance: Instance
    spot: bool = False
    price: float | None = None
    """Dollars of one host for an hour, instead of the price in PRICES."""

    @property
    def hourly(self) -> float:
        """Dollars of one host for an hour, on demand."""
        return PRICES[self.instance.name] if self.price is None else self.price


@dataclass(frozen=True)
class Cost:
    """Time and money of a whole job. With spot instances the dollars are a range."""

    tokens_per_second: float
    hours: float
    price: float
    """Dollars of all hosts for an hour, on demand."""
    dollars: float
    """Upper end of the expected cost."""
    dollars_low: float
    """Lower end of the expected cost; the same as `dollars` on demand."""


def estimate_cost(shape: Shape, distribution: Distribution, work: Work, machine: Machine, residues: int) -> Cost:
    """Return time and money of a job. `residues` is their number in all epochs together."""
    rate = work.tokens * work.processes / _step_seconds(shape, distribution, work, machine.instance)
    hours = residues * PADDING / rate / 3600 + HOURS_AROUND
    hourly = machine.hourly * distribution.hosts
    low, high = (SPOT_LOW, SPOT_HIGH) if machine.spot else (1, 1)
    return Cost(rate, hours, hourly, hours * hourly * high, hours * hourly * low)


def count_operations(shape: Shape, distribution: Distribution, work: Work) -> float:
    """Return the number of floating-point operations for one token in both passes."""
    layers = shape.layers + 2 * shape.decoder
    attention = 0 if shape.family == "cnn" else 4 * layers * shape.inner * work.length
    forward = 2 * shape.products + attention
    if work.frozen:
        return forward
    backward = (forward if distribution.profile == LORA else 2 * forward) + attention * (distribution.profile == LORA)
    again = forward if distribution.activation_checkpointing and shape.family != "cnn" else 0
    return forward + backward + again


def _step_seconds(shape: Shape, distribution: Distribution, work: Work, instance: Instance) -> float:
    """Return the seconds of one forward and backward pass of one process."""
    arithmetic = count_operations(shape, distribution, work) * work.tokens / _rate(shape, work, instance, distribution)
    launches = SECONDS_A_LAYER * (shape.layers + 2 * shape.decoder) if instance.gpu else 0.0
    traffic = _traffic(shape, distribution, work, instance)
    return max(arithmetic, traffic, launches) + _offload(shape, distribution, work)


def _rate(shape: Shape, work: Work, instance: Instance, distribution: Distribution) -> float:
    """Return the operations per second of one process."""
    if instance.gpu is None:
        processes = max(1, work.processes // distribution.hosts)
        return CPU_TFLOPS * 1e12 * instance.vcpus / processes
    peak = instance.gpu.bf16_tflops if work.bf16 else instance.gpu.fp32_tflops
    eager = shape.family == "t5" and work.eager
    return peak * 1e12 * (UTILISATION_EAGER if eager else UTILISATION)


def _traffic(shape: Shape, distribution: Distribution, work: Work, instance: Instance) -> float:
    """Return the seconds that a process needs to send the data of a step. Between hosts, GPUs share the network."""
    if work.processes == 1 or instance.gpu is None:
        return 0.0
    trained = 0 if work.frozen or distribution.profile == LORA else shape.parameters
    sent = 4 * 2 * trained if distribution.profile in (DDP, LORA) else (2 + 2) * shape.parameters + 4 * trained
    shared = instance.network_gbs / instance.processes
    return sent / 1e9 / (min(instance.gpu.link_gbs, shared) if distribution.hosts > 1 else instance.gpu.link_gbs)


def _offload(shape: Shape, distribution: Distribution, work: Work) -> float:
    """Return the seconds of a step for offloading: the transfer of parameters and gradients, and the host's update."""
    if distribution.profile != FSDP_OFFLOAD:
        return 0.0
    part = shape.parameters / work.processes
    updated = shape.parameters / distribution.hosts / distribution.passes
    return 3 * 4 * part / 1e9 / PCIE_GBS + updated / HOST_UPDATES
