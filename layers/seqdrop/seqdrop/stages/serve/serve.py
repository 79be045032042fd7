"""Let the endpoints of the stack become what analyses.toml, the models' pointers and a person's orders ask for.

Nothing waits for SageMaker here: each call does what can be done now. SageMaker's event about the end of a change, the
event of a pointer, an order, a deploy and a schedule call it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.errors import JobRefusedError, RetryableError
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.endpoints import check_owner, describe_endpoint, list_owned
from seqdrop.sagemaker.serving import list_servings
from seqdrop.stages.serve.endpoint_records import save
from seqdrop.stages.serve.idle import stop_idle
from seqdrop.stages.serve.mails import send_stored
from seqdrop.stages.serve.metering import Meter
from seqdrop.stages.serve.planning import plan_endpoint
from seqdrop.stages.serve.removal import remove_endpoint
from seqdrop.stages.serve.rollout import advance

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.serving import Serving


def serve(services: Services) -> None:
    """Advance every endpoint of the stack, and remove those that no analysis has any more.

    Raise RetryableError if one of them failed; the others were advanced.
    """
    wanted = list_servings(services.settings, services.analyses.by_name.values())
    names = {serving.name for serving in wanted}
    extra = [name for name in list_owned(services.sagemaker, services.settings.stack) if name not in names]
    meter = Meter()
    advanced = try_each(wanted, lambda serving: advance_endpoint(services, serving, meter), _describe)
    removed = try_each(extra, lambda name: remove_endpoint(services, name), lambda name: {"endpoint": name})
    meter.record(services)
    if failed := len(advanced.failed) + len(removed.failed):
        raise RetryableError(f"{failed} endpoints could not be advanced; the log has the errors")


def _describe(serving: Serving) -> dict[str, str]:
    return {"endpoint": serving.name}


def advance_endpoint(services: Services, serving: Serving, meter: Meter) -> None:
    """Do what can be done now for one endpoint. What will never be accepted is logged, and does not raise."""
    try:
        _advance(services, serving, meter)
    except JobRefusedError as error:
        logger().warning("endpoint refused", extra={"endpoint": serving.name, "reason": str(error)})


def _advance(services: Services, serving: Serving, meter: Meter) -> None:
    record = send_stored(services, services.ledger.endpoint(serving.name))
    state = describe_endpoint(services.sagemaker, serving.name)
    if state is not None:
        check_owner(services.sagemaker, state, services.settings.stack)
        meter.read(serving, state)
    if not record.may_exist or stop_idle(services, serving, state, record):
        remove_endpoint(services, serving.name)
        return
    plan = plan_endpoint(services, serving)
    advance(services, plan, state, record)


def order(services: Services, name: str, stopped: str, by: str) -> None:
    """Stop an endpoint (`stopped` says why), or let it exist again (""); a refused configuration is tried again then.

    Raise RetryableError if another invocation changes the record at this moment.
    """
    record = services.ledger.endpoint(name)
    save(
        services,
        replace(record, stopped=stopped, by=by, refused="", reason="", attempted="", modified="", begun="", applied=""),
    )
    logger().info("endpoint ordered", extra={"endpoint": name, "stopped": stopped})
