"""Search for the plan of a training job, before it costs anything: an instance, or a refusal with advice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.errors import DistributionRefusedError, PlanRefusedError
from seqdrop.training.distribution.profiles import FSDP, FSDP_OFFLOAD, LORA, SINGLE
from seqdrop.training.plan.instances import INSTANCES, Instance
from seqdrop.training.plan.limits import NO_LIMITS, Limits
from seqdrop.training.plan.plan import Job, Plan, gib, plan_on
from seqdrop.training.plan.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.training.distribution.distribution import Distribution

__all__ = ["Job", "Limits", "Plan", "find_plan", "gib", "plan_on"]
ADVICE = 3  # number of changes that a refusal proposes


def find_plan(
    job: Job,
    distribution: Distribution,
    instance_type: str = "",
    limits: Limits = NO_LIMITS,
    price: float | None = None,
) -> Plan:
    """Return the plan on an instance type or, if `instance_type` is empty, on the cheapest that fits.

    `price` replaces the price of that instance type in PRICES, in US dollars for an hour; it is ignored without a type.
    Raise PlanRefusedError, with advice, if the job does not fit or exceeds the limits. Raise DistributionRefusedError
    if the combination is not possible.
    """
    if job.model not in SHAPES:
        raise PlanRefusedError(f"model is {job.model!r}; there are plans for {', '.join(SHAPES)}")
    distribution.check(job.model, job.freeze_encoder)
    if not instance_type:
        return _find_cheapest(job, distribution, limits)
    plan = plan_on(job, distribution, _instance(instance_type), price)
    reason = limits.reason_against(plan)
    if reason:
        raise PlanRefusedError(reason, _advise(plan, limits, price=price))
    return plan


def _instance(name: str) -> Instance:
    if name not in INSTANCES:
        raise PlanRefusedError(f"instance.type is {name!r}; there are plans for {', '.join(INSTANCES)}")
    return INSTANCES[name]


def _find_cheapest(job: Job, distribution: Distribution, limits: Limits) -> Plan:
    plans = sorted(_plans_everywhere(job, distribution), key=lambda plan: (plan.dollars, plan.hours))
    for plan in plans:
        if not limits.reason_against(plan):
            return plan
    nearest = next((plan for plan in plans if plan.fits), None)
    if nearest is None:
        nearest = max(plans, key=lambda plan: plan.available - plan.memory.total, default=None)
    if nearest is None:
        raise PlanRefusedError(f"no instance supports profile {distribution.profile}")
    reason = limits.reason_against(nearest)
    raise PlanRefusedError(f"no instance is suitable. {reason}", _advise(nearest, limits, anywhere=True))


def _plans_everywhere(job: Job, distribution: Distribution) -> Iterator[Plan]:
    for instance in INSTANCES.values():
        if not _is_waste(job, distribution, instance):
            yield from _try_plan(job, distribution, instance)


def _is_waste(job: Job, distribution: Distribution, instance: Instance) -> bool:
    """Return True if the instance has GPUs that would be idle, or lacks GPUs that the job needs.

    A profile of one process leaves all GPUs but one idle. A profile of several processes needs several GPUs, and only
    a cnn may be trained without a GPU.
    """
    if job.shape.family != "cnn" and not instance.gpus:
        return True  # it would take weeks
    is_alone = distribution.profile == SINGLE or distribution.processes_per_host == 1
    return (instance.gpus > 1) == is_alone and bool(instance.gpus)


def _advise(refused: Plan, limits: Limits, anywhere: bool = False, price: float | None = None) -> tuple[str, ...]:
    """Return up to ADVICE changes in words, the cheapest first. The job may run after any one of them.

    `anywhere` allows another instance together with each change. `price` is that of the refused instance.
    """
    changed = _changed_plans(refused, anywhere, price)
    allowed = [(text, plan) for text, plan in changed if not limits.reason_against(plan)]
    advice: dict[str, str] = {}
    for text, plan in sorted(allowed, key=lambda pair: pair[1].dollars):
        place = f"{plan.instance.name}, " if anywhere else ""
        facts = f"{place}${plan.dollars:,.2f}, {gib(plan.memory.total)} of {gib(plan.available)}"
        advice.setdefault(text, f"{text} ({facts})")
    return tuple(advice.values())[:ADVICE]


def _changed_plans(refused: Plan, anywhere: bool, price: float | None) -> Iterator[tuple[str, Plan]]:
    """Yield (change of job.toml in words, plan after this change)."""
    for text, job, distribution in _changed_jobs(refused):
        same = _try_plan(job, distribution, refused.instance, price)
        plans = _plans_everywhere(job, distribution) if anywhere else same
        yield from ((text, plan) for plan in plans)
    for plan in _plans_everywhere(refused.job, refused.distribution):
        if plan.instance is not refused.instance:
            yield f"instance.type = {plan.instance.name!r}", plan


def _changed_jobs(refused: Plan) -> Iterator[tuple[str, Job, Distribution]]:
    job, now = refused.job, refused.distribution
    if not now.activation_checkpointing:
        yield "activation_checkpointing = true", job, replace(now, activation_checkpointing=True)
    if job.tokens_per_batch >= 2 * job.max_length:
        fewer = max(job.max_length, job.tokens_per_batch // 4)
        yield f"train.tokens_per_batch = {fewer}", replace(job, tokens_per_batch=fewer), now
    for profile in (FSDP, FSDP_OFFLOAD, LORA):
        if profile == now.profile or (profile == LORA and (job.shape.family == "cnn" or job.freeze_encoder)):
            continue
        # Without the instance, which may not support the profile: `plan_on` checks it.
        plain = replace(now, activation_offloading=False, processes_per_host=0, launch=None, instance="")
        text = f"profile = {profile!r} with activation_checkpointing"
        yield text, job, replace(plain, profile=profile, activation_checkpointing=True)


def _try_plan(job: Job, distribution: Distribution, instance: Instance, price: float | None = None) -> Iterator[Plan]:
    """Yield the plan on an instance, or nothing if the instance does not support the distribution."""
    with suppress(DistributionRefusedError):
        yield plan_on(job, distribution, instance, price)
