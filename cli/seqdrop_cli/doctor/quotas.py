"""Whether the account's quotas suffice for what the stack may do at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from seqdrop_cli.doctor.finding import FAILED, NOTE, OK, UNKNOWN, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_lambda.client import LambdaClient

    from seqdrop_cli.doctor.stack import Stack

CONCURRENCY, INSTANCES = "Lambda concurrency", "job quotas"
ASK = "ask for more in Service Quotas: {name}"


def check_concurrency(stack: Stack) -> Iterator[Finding]:
    """Yield whether all event sources together may start more invocations than the account permits."""
    client: LambdaClient = stack.client("lambda")
    free = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    wanted = sum(_find_concurrency(client, function["FunctionName"]) for function in stack.functions.values())
    if wanted > free:
        advice = f"{ASK.format(name='Lambda, concurrent executions')}, which costs nothing"
        text = f"the queues may start {wanted} invocations, and the account permits {free}: messages then wait"
        yield Finding(CONCURRENCY, WARNING, text, advice)
    else:
        yield Finding(CONCURRENCY, OK, f"the queues may start {wanted} invocations, of {free} that the account permits")


def _find_concurrency(client: LambdaClient, function: str) -> int:
    mappings = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return sum(mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0) for mapping in mappings)


@dataclass(frozen=True)
class Need:
    """Instances of a type that one kind of job may use at the same time."""

    kind: str  # as names of quotas have it, such as "transform job"
    instance: str
    count: int

    @property
    def name(self) -> str:
        """The name of the quota."""
        return f"{self.instance} for {self.kind} usage"


def find_needs(settings: dict[str, str]) -> list[Need]:
    """Return the instances that the functions of a stack may ask for, from their settings.

    A pattern of `TrainingInstances` names many types; a training asks for one, so any of them suffices.
    """
    transform = int(settings.get("max_jobs", 1)) * int(settings.get("instance_count", 1))
    needs = [("transform job", settings.get("instance_type", ""), transform)]
    needs.append(("processing job", settings.get("processing_instance_type", ""), 1))
    return [Need(kind, instance, count) for kind, instance, count in needs if instance]


def check_instances(stack: Stack) -> Iterator[Finding]:
    """Yield for each kind of job whether the account permits its instances."""
    pages = stack.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    values = {quota["QuotaName"]: int(quota["Value"]) for page in pages for quota in page["Quotas"]}
    yield from (compare(need, values) for need in find_needs(stack.settings))
    yield compare_trainings(stack.settings.get("training_instances", ""), values)


def compare(need: Need, values: dict[str, int]) -> Finding:
    """Return whether a quota suffices. `values` are the account's quotas by name."""
    value = values.get(need.name)
    if value is None:
        return Finding(INSTANCES, UNKNOWN, f"there is no quota {need.name!r}", "check the region and the instance type")
    if value == 0:
        text = f"{need.name}: 0, so no {need.kind} can start"
        return Finding(INSTANCES, FAILED, text, f"{ASK.format(name=need.name)}, at least 1")
    if value < need.count:
        text = f"{need.name}: {value}, and up to {need.count} may be asked for; the others wait"
        return Finding(INSTANCES, NOTE, text, f"{ASK.format(name=need.name)}, or set MaxJobs to {value}")
    return Finding(INSTANCES, OK, f"{need.name}: {value}")


def compare_trainings(patterns: str, values: dict[str, int]) -> Finding:
    """Return which of the instance types that a training may use have a quota."""
    ending = " for training job usage"
    types = {name.removesuffix(ending): value for name, value in values.items() if name.endswith(ending)}
    allowed = [it for it in types if any(fnmatch(it, pattern.strip()) for pattern in patterns.split(","))]
    usable = sorted(it for it in allowed if types[it])
    if usable:
        more = f" and {len(usable) - 5} more" if len(usable) > 5 else ""
        return Finding(INSTANCES, OK, f"trainings may use {', '.join(usable[:5])}{more}")
    text = "no instance type that TrainingInstances permits has a quota above 0, so no training can start"
    return Finding(INSTANCES, WARNING, text, ASK.format(name="one of those types, for training job usage"))
