"""Remove an endpoint and everything that belongs to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger.endpoint_record import OFF
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.endpoint_names import async_endpoint_name, endpoint_name
from seqdrop.sagemaker.endpoints import delete_configurations, delete_endpoint, describe_endpoint, is_owned, list_owned
from seqdrop.sagemaker.serving import list_servings
from seqdrop.stages.serve.alarms_and_scaling import remove_alarms_and_scaling
from seqdrop.stages.serve.endpoint_records import save
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

    Each is marked before. SageMaker's event of its end would otherwise have serve, which still exists, make it again.
    """
    stack = services.settings.stack
    names = set(list_owned(services.sagemaker, stack))
    for analysis in services.analyses.by_name:  # alarms and configurations may outlive their endpoint
        names |= {endpoint_name(stack, analysis), async_endpoint_name(stack, analysis)}
    for name in _wanted(services) | set(list_owned(services.sagemaker, stack)):
        _mark(services, name, "", OFF)
    return [name for name in sorted(names) if not remove_endpoint(services, name)]


def allow_all(services: Services) -> None:
    """Let the endpoints exist again that `remove_all` has marked; a person's order to stop one stays."""
    for name in _wanted(services):
        _mark(services, name, OFF, "")


def _wanted(services: Services) -> set[str]:
    return {serving.name for serving in list_servings(services.settings, services.analyses.by_name.values())}


def _mark(services: Services, name: str, before: str, after: str) -> None:
    record = services.ledger.endpoint(name)
    if record.stopped == before:
        save(services, replace(record, stopped=after))
