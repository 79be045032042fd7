"""One way to run a training job: the bytes of each process, hours and dollars, and whether it fits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.aws.prices import AS_OF, REGION, SOURCE
from seqdrop.errors import PlanRefusedError
from seqdrop.training.plan.activations import Work
from seqdrop.training.plan.cost import Cost, Machine, estimate_cost
from seqdrop.training.plan.instances import GIB, Instance
from seqdrop.training.plan.memory import CHAPTER_BYTES, Memory, estimate_memory
from seqdrop.training.plan.shapes import SHAPES, Shape

if TYPE_CHECKING:
    from seqdrop.training.distribution.distribution import Distribution

CLASSES = {"ss3": 3, "ss8": 8, "promoter": 2}
HOST_SHARE = 0.8  # share of a host's memory that states may fill; the system, the data and the loader need the rest


@dataclass(frozen=True)
class Job:
    """The job that is planned, without its machine."""

    model: str
    head: str
    task: str
    tokens_per_batch: int
    max_length: int
    residues_total: int
    epochs: int
    spot: bool = False
    freeze_encoder: bool = False
    accumulate: int = 1
    eager_attention: bool = True

    @property
    def shape(self) -> Shape:
        """The shape of the model."""
        return SHAPES[self.model]


@dataclass(frozen=True)
class Plan:
    """One way to run a job, with its memory, time and cost."""

    job: Job
    distribution: Distribution
    instance: Instance
    processes: int
    memory: Memory
    cost: Cost

    @property
    def available(self) -> int:
        """Bytes available to a process on its GPU, or its share of the memory of a host without GPUs."""
        if self.instance.gpus:
            return self.instance.memory
        return int(self.instance.memory * HOST_SHARE) // max(1, self.processes // self.distribution.hosts)

    @property
    def host_available(self) -> int:
        """Bytes of a host that are available for offloading."""
        return int(self.instance.gib * GIB * HOST_SHARE)

    @property
    def host_needed(self) -> int:
        """Bytes of a host that offloading needs."""
        return self.memory.host * max(1, self.processes // self.distribution.hosts) if self.instance.gpus else 0

    @property
    def fits(self) -> bool:
        """Whether the memory of GPUs and hosts is sufficient."""
        return self.memory.total <= self.available and self.host_needed <= self.host_available

    @property
    def hours(self) -> float:
        """Expected hours."""
        return self.cost.hours

    @property
    def dollars(self) -> float:
        """Expected cost in US dollars, at most."""
        return self.cost.dollars

    @property
    def dollars_on_demand(self) -> float:
        """Expected cost in US dollars at the price on demand, which spot instances never exceed."""
        return self.cost.hours * self.cost.price

    @property
    def chapter_bytes(self) -> int:
        """Bytes on each GPU by the chapter's rule: 20 bytes per parameter, divided by the processes under FSDP."""
        return CHAPTER_BYTES * self.job.shape.parameters // (self.processes if self.distribution.is_sharded else 1)

    @property
    def why_not(self) -> str:
        """Reason why the plan does not fit, for people; "" if it fits."""
        place = f"{self.instance.name}, profile {self.distribution.profile}"
        if self.memory.total > self.available:
            where = f"GPU ({self.instance.gpu.name})" if self.instance.gpu else "process"
            return (
                f"{self.job.shape.title} on {place}: each {where} needs {gib(self.memory.total)} and has "
                f"{gib(self.available)}"
            )
        if self.host_needed > self.host_available:
            return (
                f"{self.job.shape.title} on {place}: offloading needs {gib(self.host_needed)} of the host, "
                f"where {gib(self.host_available)} are available"
            )
        return ""

    def as_dict(self) -> dict[str, object]:
        """Return the plan as JSON, for `--json` and for a job's card."""
        return {
            "model": self.job.model,
            "instance": self.instance.name,
            "hosts": self.distribution.hosts,
            "processes": self.processes,
            "distribution": {name: value for name, value in asdict(self.distribution).items() if name != "launch"},
            "fits": self.fits,
            "bytes": {line.name: line.bytes for line in self.memory.lines},
            "total_bytes": self.memory.total,
            "room_bytes": self.available,
            "peak": self.memory.moment,
            "host_bytes": self.host_needed,
            "chapter_bytes": self.chapter_bytes,
            "tokens_per_second": round(self.cost.tokens_per_second),
            "hours": round(self.hours, 2),
            "dollars": round(self.dollars, 2),
            "dollars_low": round(self.cost.dollars_low, 2),
            "price": {"usd_per_hour": self.cost.price, "region": REGION, "as_of": AS_OF.isoformat(), "source": SOURCE},
        }


def plan_on(job: Job, distribution: Distribution, instance: Instance, price: float | None = None) -> Plan:
    """Return the plan on an instance, whether or not it fits. Raise DistributionRefusedError if it is not possible."""
    resolved = distribution.on(instance.name)
    processes = resolved.processes()
    resolved = replace(resolved, accumulate=resolved.accumulate or job.accumulate)
    work = Work(
        tokens=max(resolved.micro_batch or job.tokens_per_batch, _longest(job)),
        length=_longest(job),
        processes=processes,
        bf16=instance.has_bf16 and resolved.precision != "fp32" and job.shape.family != "cnn",
        eager=job.eager_attention,
        frozen=job.freeze_encoder,
        on_gpu=bool(instance.gpus),
    )
    head = job.shape.head(job.head, CLASSES.get(job.task, 8))
    memory = estimate_memory(job.shape, resolved, work, head)
    machine = Machine(instance, job.spot, price)
    cost = estimate_cost(job.shape, resolved, work, machine, job.residues_total * job.epochs)
    return Plan(job, resolved, instance, processes, memory, cost)


def gib(count: int) -> str:
    """Return a number of bytes as text in GiB."""
    return f"{count / GIB:,.1f} GiB"


def _longest(job: Job) -> int:
    """Return the tokens of the longest sequence. Raise PlanRefusedError if the model does not support it."""
    longest = job.max_length + job.shape.special
    if job.shape.longest and longest > job.shape.longest:
        raise PlanRefusedError(
            f"train.max_length is {job.max_length}; {job.shape.title} takes at most "
            f"{job.shape.longest - job.shape.special}"
        )
    return longest
