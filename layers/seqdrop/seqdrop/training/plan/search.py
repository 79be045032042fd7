"""The plan of a training job before it costs anything: where it runs, or why it may not and what would do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.errors import DistributionRefusedError, PlanRefusedError
from seqdrop.training.distribution.profiles import FSDP, FSDP_OFFLOAD, LORA, SINGLE
from seqdrop.training.plan.instances import INSTANCES, PRICES, Instance
from seqdrop.training.plan.plan import Job, Plan, gib, on
from seqdrop.training.plan.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.training.distribution.distribution import Distribution

__all__ = ["Job", "Plan", "gib", "on", "plan"]
ADVICE = 3


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

    Raises PlanRefusedError, with what would do, for a job that does not fit, costs more than `budget_usd` or
    takes longer
    than `max_hours`; DistributionRefusedError for a combination that cannot be.
    """
    if model not in SHAPES:
        raise PlanRefusedError(f"model is {model!r}; there are plans for {', '.join(SHAPES)}")
    distribution.check(model, freeze_encoder)
    batches = (tokens_per_batch, max_length, residues_total, epochs, spot)
    job = Job(model, head, task, *batches, freeze_encoder, accumulate, eager_attention)
    limits = _Limits(budget_usd, max_hours)
    if not instance_type:
        return _cheapest(job, distribution, limits)
    found = on(job, distribution, _instance(instance_type), price)
    reason = limits.broken(found)
    if reason:
        raise PlanRefusedError(reason, _advice(found, limits))
    return found


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


def _instance(name: str) -> Instance:
    if name not in INSTANCES:
        raise PlanRefusedError(f"instance.type is {name!r}; there are plans for {', '.join(INSTANCES)}")
    return INSTANCES[name]


def _cheapest(job: Job, distribution: Distribution, limits: _Limits) -> Plan:
    able = sorted(_everywhere(job, distribution), key=lambda one: (one.dollars, one.hours))
    for found in able:
        if not limits.broken(found):
            return found
    fitting = [one for one in able if one.fits]
    nearest = fitting[0] if fitting else max(able, key=lambda one: one.room - one.memory.total, default=None)
    if nearest is None:
        raise PlanRefusedError(f"no instance takes profile {distribution.profile}")
    raise PlanRefusedError(f"no instance will do. {limits.broken(nearest)}", _advice(nearest, limits, anywhere=True))


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
    with suppress(DistributionRefusedError):
        yield on(job, distribution, instance)
