"""Create an endpoint, update it, and recognise what became of the last change.

A change is in the ledger before SageMaker is asked for it, with the time at which SageMaker had last modified the
endpoint, and afterwards that it was begun. So an update that SageMaker has undone differs from one that a crash
prevented: only the former was begun and has a new time. Scaling also changes the time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.errors import JobRefusedError
from seqdrop.ledger.endpoint_record import YES
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import create_model
from seqdrop.sagemaker.endpoints import (
    FAILED,
    IN_SERVICE,
    STUCK,
    EndpointBusyError,
    EndpointState,
    create_configuration,
    create_endpoint,
    delete_configurations,
    delete_endpoint,
    update_endpoint,
)
from seqdrop.sagemaker.requests.endpoint import deployment, tags_of
from seqdrop.sagemaker.requests.endpoint_alarms import alarm_requests
from seqdrop.stages.serve.alarms_and_scaling import apply, digest, put_alarms, remove_alarms_and_scaling
from seqdrop.stages.serve.endpoint_records import claim, save
from seqdrop.stages.serve.mails import failure_mail, rollback_mail, send_stored

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import UpdateEndpointInputTypeDef

    from seqdrop.ledger.endpoint_record import EndpointRecord
    from seqdrop.runtime.services import Services
    from seqdrop.stages.serve.planning import EndpointPlan


def advance(services: Services, plan: EndpointPlan, state: EndpointState | None, record: EndpointRecord) -> None:
    """Do what can be done now so that the endpoint serves its plan."""
    if state is None:
        if record.refused != plan.configuration:
            _create(services, plan, record)
    elif not state.is_settled:
        _note_begin(services, state, record)
    elif state.status == FAILED:
        _give_up(services, plan, state, record)
    elif state.configuration == plan.configuration and state.status != STUCK:
        _complete(services, plan, state, record)
    elif _is_undone(plan, state, record):
        _note_rollback(services, plan, state, record)
    elif record.refused != plan.configuration:
        _update(services, plan, state, record)
    elif state.status == IN_SERVICE:
        _keep(services, plan, record)


def _record(services: Services, plan: EndpointPlan, record: EndpointRecord, modified: str) -> EndpointRecord:
    """Record a change that is about to be requested; return the record as it is stored."""
    attempt = replace(record, attempted=plan.configuration, modified=modified, begun="", refused="", reason="")
    return claim(services, attempt)


def _note_begin(services: Services, state: EndpointState, record: EndpointRecord) -> None:
    """Record that an update was begun, if a crash prevented that, or the response of SageMaker was lost."""
    if state.pending and state.pending == record.attempted and not record.begun:
        save(services, replace(record, begun=YES))


def _is_undone(plan: EndpointPlan, state: EndpointState, record: EndpointRecord) -> bool:
    is_last = record.attempted == plan.configuration
    return is_last and record.begun == YES and record.modified != state.modified


def _prepare(services: Services, plan: EndpointPlan) -> None:
    """Create what a change needs: the model, the configuration and the alarms."""
    if not create_model(services.sagemaker, plan.model):
        raise EndpointBusyError("SageMaker creates no model now")
    create_configuration(services.sagemaker, plan.request)
    put_alarms(services, plan.serving)


def _create(services: Services, plan: EndpointPlan, record: EndpointRecord) -> None:
    _record(services, plan, record, "")
    _prepare(services, plan)
    create_endpoint(
        services.sagemaker,
        {
            "EndpointName": plan.name,
            "EndpointConfigName": plan.configuration,
            "Tags": tags_of(services.settings.stack, plan.serving.analysis.name),
        },
    )
    _log("endpoint requested", plan)


def _update(services: Services, plan: EndpointPlan, state: EndpointState, record: EndpointRecord) -> None:
    """Begin an update, which the alarms of the endpoint undo."""
    recorded = _record(services, plan, record, state.modified)
    try:
        _prepare(services, plan)
        update_endpoint(services.sagemaker, _update_request(services, plan))
    except JobRefusedError:
        save(services, replace(recorded, attempted="", modified="", busy_until=""))
        raise
    save(services, replace(recorded, begun=YES, busy_until=""))
    _log("endpoint update requested", plan)


def _update_request(services: Services, plan: EndpointPlan) -> UpdateEndpointInputTypeDef:
    alarms = [alarm["AlarmName"] for alarm in alarm_requests(services.settings, plan.serving)]
    request: UpdateEndpointInputTypeDef = {
        "EndpointName": plan.name,
        "EndpointConfigName": plan.configuration,
        "DeploymentConfig": deployment(plan.serving, alarms),
    }
    if not plan.serving.is_async:  # it may have no instance; an update begins with one
        request["RetainAllVariantProperties"] = True  # the number of instances
        request["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DataCaptureConfig"}]
    return request


def _complete(services: Services, plan: EndpointPlan, state: EndpointState, record: EndpointRecord) -> None:
    """Apply alarms and scaling to an endpoint that serves its plan, and delete configurations before this one."""
    wanted = digest(services, plan.serving)
    completed = replace(
        record, attempted="", modified="", begun="", busy_until="", refused="", reason="", applied=wanted
    )
    if completed == record:
        return
    claimed = claim(services, record)
    if record.applied != wanted:
        apply(services, plan.serving)
    # The record comes last: after a crash the next call does everything again.
    delete_configurations(services.sagemaker, plan.name, keep=[state.configuration])
    save(services, replace(completed, revision=claimed.revision))
    _log("endpoint in service", plan)


def _keep(services: Services, plan: EndpointPlan, record: EndpointRecord) -> None:
    """Apply alarms and scaling to an endpoint that serves an earlier configuration, because the plan was refused."""
    wanted = digest(services, plan.serving)
    if record.applied != wanted:
        claimed = claim(services, record)
        apply(services, plan.serving)
        save(services, replace(claimed, applied=wanted, busy_until=""))


def _note_rollback(services: Services, plan: EndpointPlan, state: EndpointState, record: EndpointRecord) -> None:
    reason = state.reason or "an alarm was raised while SageMaker shifted the requests"
    undone = replace(record, attempted="", modified="", begun="", refused=plan.configuration, reason=reason[:500])
    if state.status != STUCK:  # then it serves a mix of both
        delete_configurations(services.sagemaker, plan.name, keep=[state.configuration])
    send_stored(services, save(services, rollback_mail(plan, state, reason).add_to(undone)))
    _log("endpoint rolled back", plan)


def _give_up(services: Services, plan: EndpointPlan, state: EndpointState, record: EndpointRecord) -> None:
    """Delete an endpoint that SageMaker could not create; it is not created again until its plan changes.

    The endpoint goes last: while it exists, a repeated call does the rest.
    """
    refused = state.configuration or plan.configuration
    if record.refused != refused:
        failed = replace(record, attempted="", modified="", begun="", refused=refused, reason=state.reason[:500])
        send_stored(services, save(services, failure_mail(plan.serving, state.reason).add_to(failed)))
    remove_alarms_and_scaling(services, plan.name)
    delete_configurations(services.sagemaker, plan.name)
    delete_endpoint(services.sagemaker, plan.name)
    _log("endpoint failed", plan)


def _log(text: str, plan: EndpointPlan) -> None:
    logger().info(text, extra={"endpoint": plan.name, "configuration": plan.configuration})
