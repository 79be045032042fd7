"""Start an execution of the task that copies what was not copied before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.datasync import AVAILABLE
from seqdrop.runtime.log import logger
from seqdrop.stages.transfer.archived_runs import find_excludes
from seqdrop.stages.transfer.ends import report_failure, save
from seqdrop.stages.transfer.listings import read_listing, write_plan
from seqdrop.stages.transfer.source import make_plan

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services

RUNNING = ("RUNNING", "QUEUED", "CREATING")
UNAVAILABLE = "Unavailable"  # a code of Seqdrop's own, beside those of executions


def start_transfer(services: Services, *, everything: bool = False) -> None:
    """Start an execution unless one runs, or nothing is new. With `everything`, files are copied again.

    If the message is delivered twice, the second execution finds nothing new, or what it copies again is recognised as
    a duplicate.
    """
    task = services.datasync.describe_task(TaskArn=services.settings.transfer_task)
    if task["Status"] in RUNNING:
        logger().info("transfer not started: it runs", extra={"state": task["Status"]})
    elif task["Status"] != AVAILABLE:
        _report_unavailable(services, task.get("ErrorDetail", ""))
    elif services.settings.transfer_source:
        _start_from_bucket(services, everything)
    else:
        _start_from_share(services, everything)


def _start_from_bucket(services: Services, everything: bool) -> None:
    plan = make_plan(services, {} if everything else read_listing(services))
    if not plan.paths:
        logger().info("transfer not started: nothing is new")
        return
    place = {
        "ManifestObjectPath": write_plan(services, plan.listing, plan.paths),
        "S3BucketArn": f"arn:{_partition(services)}:s3:::{services.settings.work}",
        "BucketAccessRoleArn": services.settings.transfer_role,
    }
    config = {"Action": "TRANSFER", "Format": "CSV", "Source": {"S3": place}}
    started = services.datasync.start_task_execution(TaskArn=services.settings.transfer_task, ManifestConfig=config)
    _log(started["TaskExecutionArn"], len(plan.paths))


def _start_from_share(services: Services, everything: bool) -> None:
    value = services.settings.transfer_excludes if everything else find_excludes(services)
    excludes = [{"FilterType": "SIMPLE_PATTERN", "Value": value}] if value else []
    started = services.datasync.start_task_execution(TaskArn=services.settings.transfer_task, Excludes=excludes)
    _log(started["TaskExecutionArn"], 0)


def _log(arn: str, files: int) -> None:
    logger().info("transfer started", extra={"execution": arn.rpartition("/")[2], "files": files})


def _partition(services: Services) -> str:
    return services.settings.transfer_task.split(":")[1]


def _report_unavailable(services: Services, detail: str) -> None:
    record = services.ledger.transfer()
    reason = detail or "The task is UNAVAILABLE: its agent is offline, or cannot reach the share."
    if (changed := report_failure(services, record, UNAVAILABLE, reason)) != record:
        save(services, changed)
