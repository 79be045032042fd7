"""The plan of a training job before it costs anything: bytes on each GPU, hours, dollars, and whether it may run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from seqdrop.errors import DistributionRefused, PlanRefused
from seqdrop.training.cost import Cost, cost
from seqdrop.training.distribution import Distribution
from seqdrop.training.instances import GIB, INSTANCES, Instance
from seqdrop.training.memory import CHAPTER_BYTES, Memory, Work, memory
from seqdrop.training.prices import AS_OF, PRICES, REGION, SOURCE
from seqdrop.training.profiles import FSDP, FSDP_OFFLOAD, LORA, SINGLE
from seqdrop.training.shapes import SHAPES, Shape

CLASSES = {"ss3": 3, "ss8": 8, "promoter": 2}
HOST_SHARE = 0.8  # of a host's memory that states may fill; the rest is the system's, the data's and the loader's
ADVICE = 3


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


def plan(
    model: str,
    head: str,
    task: str,
    distribution: Distribution,
    instance_type: str,
    tokens_per_batch: int,
    max_length: int,
    residues_total: int,
    epochs: int,
    spot: bool = False,
    *,
    freeze_encoder: bool = False,
    accumulate: int = 1,
    budget_usd: float | None = None,
    max_hours: float | None = None,
    price: float | None = None,
    eager_attention: bool = True,
) -> Plan:
    """The plan on the named type of instance, or on the cheapest that fits if the name is empty.

    Raises PlanRefused, with what would do, for a job that does not fit, costs more than `budget_usd` or takes longer
    than `max_hours`; DistributionRefused for a combination that cannot be.
    """
    if model not in SHAPES:
        raise PlanRefused(f"model is {model!r}; there are plans for {', '.join(SHAPES)}")
    distribution.check(model, freeze_encoder)
    batches = (tokens_per_batch, max_length, residues_total, epochs, spot)
    job = Job(model, head, task, *batches, freeze_encoder, accumulate, eager_attention)
    limits = _Limits(budget_usd, max_hours)
    if not instance_type:
        return _cheapest(job, distribution, limits)
    found = on(job, distribution, _instance(instance_type), price)
    reason = limits.broken(found)
    if reason:
        raise PlanRefused(reason, _advice(found, limits))
    return found


def on(job: Job, distribution: Distribution, instance: Instance, price: float | None = None) -> Plan:
    """The plan on an instance, whether or not it fits. Raises DistributionRefused."""
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


@dataclass(frozen=True)
class _Limits:
    """What a plan may take."""

    dollars: float | None
    hours: float | None

    def broken(self, found: Plan) -> str:
        """Why the plan may not run; empty if it may."""
        if not found.fits:
            return found.why_not
        place = f"{found.job.shape.title} on {found.instance.name}"
        if self.hours is not None and found.hours > self.hours:
            return f"{place}: about {found.hours:,.1f} hours, and instance.max_hours is {self.hours:g}"
        if self.dollars is not None and found.dollars > self.dollars:
            return f"{place}: about ${found.dollars:,.2f}, and budget_usd is {self.dollars:g}"
        return ""


def _longest(job: Job) -> int:
    longest = job.max_length + job.shape.special
    if job.shape.longest and longest > job.shape.longest:
        raise PlanRefused(
            f"train.max_length is {job.max_length}; {job.shape.title} takes {job.shape.longest - job.shape.special}"
        )
    return longest


def _instance(name: str) -> Instance:
    if name not in INSTANCES:
        raise PlanRefused(f"instance.type is {name!r}; there are plans for {', '.join(INSTANCES)}")
    return INSTANCES[name]


def _cheapest(job: Job, distribution: Distribution, limits: _Limits) -> Plan:
    able = sorted(_everywhere(job, distribution), key=lambda one: (one.dollars, one.hours))
    for found in able:
        if not limits.broken(found):
            return found
    fitting = [one for one in able if one.fits]
    nearest = fitting[0] if fitting else max(able, key=lambda one: one.room - one.memory.total, default=None)
    if nearest is None:
        raise PlanRefused(f"no instance takes profile {distribution.profile}")
    raise PlanRefused(f"no instance will do. {limits.broken(nearest)}", _advice(nearest, limits, anywhere=True))


def _everywhere(job: Job, distribution: Distribution) -> Iterator[Plan]:
    for instance in INSTANCES.values():
        if instance.name not in PRICES or _is_waste(job, distribution, instance):
            continue
        yield from _tried(job, distribution, instance)


def _is_waste(job: Job, distribution: Distribution, instance: Instance) -> bool:
    """A profile of one process leaves GPUs idle; a profile for several wants them, but for a cnn."""
    if job.shape.family != "cnn" and not instance.gpus:
        return True  # weeks
    alone = distribution.profile == SINGLE or distribution.processes_per_host == 1
    return (instance.gpus > 1) == alone and bool(instance.gpus)


def _advice(refused: Plan, limits: _Limits, anywhere: bool = False) -> tuple[str, ...]:
    """Changes by which the job would run, the cheapest first. `anywhere`: on whichever instance."""
    able = [(text, one) for text, one in _changed(refused, anywhere) if not limits.broken(one)]
    told = {}
    for text, one in sorted(able, key=lambda pair: pair[1].dollars):
        place = f"{one.instance.name}, " if anywhere else ""
        told.setdefault(text, f"{text} ({place}${one.dollars:,.2f}, {gib(one.memory.total)} of {gib(one.room)})")
    return tuple(told.values())[:ADVICE]


def _changed(refused: Plan, anywhere: bool) -> Iterator[tuple[str, Plan]]:
    """What could be changed in job.toml, one thing at a time."""
    here = refused.instance
    for text, job, distribution in _other_jobs(refused):
        found = _everywhere(job, distribution) if anywhere else _tried(job, distribution, here)
        yield from ((text, one) for one in found)
    for one in _everywhere(refused.job, refused.distribution):
        if one.instance is not here:
            yield f"instance.type = {one.instance.name!r}", one


def _other_jobs(refused: Plan) -> Iterator[tuple[str, Job, Distribution]]:
    job, now = refused.job, refused.distribution
    if not now.activation_checkpointing:
        yield "activation_checkpointing = true", job, replace(now, activation_checkpointing=True)
    if job.tokens_per_batch >= 2 * job.max_length:
        fewer = max(job.max_length, job.tokens_per_batch // 4)
        yield f"train.tokens_per_batch = {fewer}", replace(job, tokens_per_batch=fewer), now
    for profile in (FSDP, FSDP_OFFLOAD, LORA):
        if profile == now.profile or (profile == LORA and (job.shape.family == "cnn" or job.freeze_encoder)):
            continue
        # Without the instance, which may not take the profile: whoever tries it there finds out.
        plain = replace(now, activation_offloading=False, processes_per_host=0, launch=None, instance="")
        text = f"profile = {profile!r} with activation_checkpointing"
        yield text, job, replace(plain, profile=profile, activation_checkpointing=True)
    if not job.spot:
        yield "instance.spot = true", replace(job, spot=True), now


def _tried(job: Job, distribution: Distribution, instance: Instance) -> Iterator[Plan]:
    with suppress(DistributionRefused):
        yield on(job, distribution, instance)
