"""Remove an endpoint and everything that belongs to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger.endpoint_record import YES
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.endpoint_names import async_endpoint_name, endpoint_name
from seqdrop.sagemaker.endpoints import delete_configurations, delete_endpoint, describe_endpoint, is_owned, list_owned
from seqdrop.sagemaker.serving import list_servings
from seqdrop.stages.serve.alarms_and_scaling import remove_alarms_and_scaling
from seqdrop.stages.serve.endpoint_records import is_busy, save
from seqdrop.stages.serve.mails import send_stored

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services


def remove_endpoint(services: Services, name: str) -> bool:
    """Remove what can be removed now of an endpoint of this stack; return True if nothing is left of it.

    Scaling goes first: SageMaker refuses to delete an endpoint while its number of instances changes.
    """
    state = describe_endpoint(services.sagemaker, name)
    if state is not None and not is_owned(services.sagemaker, state.arn, services.settings.stack):
        return True
    remove_alarms_and_scaling(services, name)
    if state is not None:
        if state.is_settled:
            delete_endpoint(services.sagemaker, name)
            logger().info("endpoint deleted", extra={"endpoint": name})
        if describe_endpoint(services.sagemaker, name) is not None:
            return False
    delete_configurations(services.sagemaker, name)
    _forget(services, name)
    return True


def _forget(services: Services, name: str) -> None:
    """Forget the last change of an endpoint that is gone; orders stay, and so does the reason of a refusal."""
    record = send_stored(services, services.ledger.endpoint(name))
    cleared = replace(record, attempted="", modified="", begun="", applied="")
    if cleared != record:
        services.ledger.save(cleared)


def remove_all(services: Services) -> list[str]:
    """Remove what can be removed now of all endpoints of the stack; return the names of those that are not gone.

    Call `switch` before. What another invocation may still be creating is not gone.
    """
    stack = services.settings.stack
    names = set(list_owned(services.sagemaker, stack))
    for analysis in services.analyses.by_name:  # alarms and configurations may outlive their endpoint
        names |= {endpoint_name(stack, analysis), async_endpoint_name(stack, analysis)}
    busy = {name for name in names if is_busy(services.ledger.endpoint(name))}
    return [name for name in sorted(names) if not remove_endpoint(services, name) or name in busy]


def switch(services: Services, at: str, *, off: bool) -> bool:
    """Record that there must be no endpoints, or that there may be; a person's order to stop one stays.

    `at` is the time of CloudFormation's request. Return False if a later one was handled before: nothing is done then.
    SageMaker's event of the end of an endpoint would otherwise have serve, which still exists, make it again.
    """
    records = [services.ledger.endpoint(name) for name in sorted(_names(services))]
    if any(record.switched_at > at for record in records):
        return False
    for record in records:
        switched = replace(record, off=YES if off else "", switched_at=at)
        if switched != record:
            save(services, switched)
    return True


def _names(services: Services) -> set[str]:
    wanted = {serving.name for serving in list_servings(services.settings, services.analyses.by_name.values())}
    return wanted | set(list_owned(services.sagemaker, services.settings.stack))
