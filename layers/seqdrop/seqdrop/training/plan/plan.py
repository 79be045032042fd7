"""One way to run a training job: the bytes of each process, hours and dollars, and whether it fits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.errors import PlanRefusedError
from seqdrop.training.plan.activations import Work
from seqdrop.training.plan.cost import Cost, cost
from seqdrop.training.plan.instances import AS_OF, GIB, REGION, SOURCE, Instance
from seqdrop.training.plan.memory import CHAPTER_BYTES, Memory, memory
from seqdrop.training.plan.shapes import SHAPES, Shape

if TYPE_CHECKING:
    from seqdrop.training.distribution.distribution import Distribution

CLASSES = {"ss3": 3, "ss8": 8, "promoter": 2}
HOST_SHARE = 0.8  # of a host's memory that states may fill; the rest is the system's, the data's and the loader's


@dataclass(frozen=True)
class Job:
    """What is to be planned, apart from where."""

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
        return SHAPES[self.model]


@dataclass(frozen=True)
class Plan:
    """One way to run a job, and what it takes. `fits` says that it may be tried."""

    job: Job
    distribution: Distribution
    instance: Instance
    processes: int
    memory: Memory
    cost: Cost

    @property
    def room(self) -> int:
        """Bytes that a process has. Processes on a host without GPUs share its memory."""
        if self.instance.gpus:
            return self.instance.memory
        return int(self.instance.memory * HOST_SHARE) // max(1, self.processes // self.distribution.hosts)

    @property
    def host_room(self) -> int:
        return int(self.instance.gib * GIB * HOST_SHARE)

    @property
    def host_needed(self) -> int:
        return self.memory.host * max(1, self.processes // self.distribution.hosts) if self.instance.gpus else 0

    @property
    def fits(self) -> bool:
        return self.memory.total <= self.room and self.host_needed <= self.host_room

    @property
    def hours(self) -> float:
        return self.cost.hours

    @property
    def dollars(self) -> float:
        return self.cost.dollars

    @property
    def chapter_bytes(self) -> int:
        """What the chapter's rule says of each GPU: 20 bytes a parameter, over the GPUs that hold parts of it."""
        return CHAPTER_BYTES * self.job.shape.parameters // (self.processes if self.distribution.is_sharded else 1)

    @property
    def why_not(self) -> str:
        """What does not fit; empty if all does."""
        place = f"{self.instance.name}, profile {self.distribution.profile}"
        if self.memory.total > self.room:
            where = f"GPU ({self.instance.gpu.name})" if self.instance.gpu else "process"
            return (
                f"{self.job.shape.title} on {place}: {gib(self.memory.total)} are needed on each {where}, "
                f"which has {gib(self.room)}"
            )
        if self.host_needed > self.host_room:
            return (
                f"{self.job.shape.title} on {place}: offloading needs {gib(self.host_needed)} of the host, "
                f"which has {gib(self.host_room)} to give"
            )
        return ""

    def as_dict(self) -> dict:
        """For `--json` and a job's card."""
        return {
            "model": self.job.model,
            "instance": self.instance.name,
            "hosts": self.distribution.hosts,
            "processes": self.processes,
            "distribution": {name: value for name, value in asdict(self.distribution).items() if name != "launch"},
            "fits": self.fits,
            "bytes": {line.name: line.bytes for line in self.memory.lines},
            "total_bytes": self.memory.total,
            "room_bytes": self.room,
            "peak": self.memory.moment,
            "host_bytes": self.host_needed,
            "chapter_bytes": self.chapter_bytes,
            "tokens_per_second": round(self.cost.tokens_per_second),
            "hours": round(self.hours, 2),
            "dollars": round(self.dollars, 2),
            "dollars_low": round(self.cost.dollars_low, 2),
            "price": {"usd_per_hour": self.cost.price, "region": REGION, "as_of": AS_OF.isoformat(), "source": SOURCE},
        }


def on(job: Job, distribution: Distribution, instance: Instance, price: float | None = None) -> Plan:
    """The plan on an instance, whether or not it fits. Raises DistributionRefusedError."""
    spread = distribution.on(instance.name)
    processes = spread.processes()
    spread = replace(spread, accumulate=spread.accumulate or job.accumulate)
    work = Work(
        tokens=max(spread.micro_batch or job.tokens_per_batch, _longest(job)),
        length=_longest(job),
        processes=processes,
        bf16=instance.has_bf16 and spread.precision != "fp32" and job.shape.family != "cnn",
        eager=job.eager_attention,
        frozen=job.freeze_encoder,
        on_gpu=bool(instance.gpus),
    )
    head = job.shape.head(job.head, CLASSES.get(job.task, 8))
    residues = job.residues_total * job.epochs
    bytes_ = memory(job.shape, spread, work, head)
    return Plan(
        job, spread, instance, processes, bytes_, cost(job.shape, spread, work, instance, residues, job.spot, price)
    )


def gib(count: int) -> str:
    return f"{count / GIB:,.1f} GiB"


def _longest(job: Job) -> int:
    longest = job.max_length + job.shape.special
    if job.shape.longest and longest > job.shape.longest:
        raise PlanRefusedError(
            f"train.max_length is {job.max_length}; {job.shape.title} takes {job.shape.longest - job.shape.special}"
        )
    return longest
