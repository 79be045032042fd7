"""Resources in the form in which the Describe operations show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.datasync.records import ENDED

if TYPE_CHECKING:
    from local.datasync.records import Execution, Location, Task

COUNTERS = (
    *("EstimatedFilesToTransfer", "EstimatedBytesToTransfer", "FilesTransferred", "BytesWritten", "BytesTransferred"),
    *("FilesDeleted", "FilesSkipped", "FilesVerified", "FilesPrepared"),
)
PHASES = ("Prepare", "Transfer", "Verify", "Delete")
SETTINGS = ("Includes", "Excludes", "ManifestConfig", "TaskReportConfig")
HIDDEN = ("Subdirectory", "ServerHostname", "S3BucketArn", "Tags")


def identify_location(location: Location) -> dict:
    """Return what lists show of a location."""
    return {"LocationArn": location.arn, "LocationUri": location.uri}


def describe_location(location: Location) -> dict:
    """Return a location as its own operation shows it."""
    storage = {"S3StorageClass": "STANDARD"} if location.kind == "S3" else {}
    shown = {name: value for name, value in location.request.items() if name not in HIDDEN}
    return storage | shown | identify_location(location) | {"CreationTime": location.created}


def describe_task(task: Task, status: str) -> dict:
    """Return a task as DescribeTask does."""
    shown = {name: value for name, value in task.request.items() if name != "Tags"}
    current = {"CurrentTaskExecutionArn": task.open_executions[0].arn} if task.open_executions else {}
    state = {"TaskArn": task.arn, "Status": status, "CreationTime": task.created}
    return shown | current | state | {"Options": task.options, "TaskMode": task.mode}


def describe_execution(execution: Execution) -> dict:
    """Return an execution as DescribeTaskExecution does."""
    settings = {name: execution.setting(name) for name in SETTINGS if execution.setting(name)}
    times = {"StartTime": execution.created, "LaunchTime": execution.launched, "EndTime": execution.ended}
    is_cancelling = execution.cancelled.is_set() and execution.state not in ENDED
    state = {
        "TaskExecutionArn": execution.arn,
        "Status": "CANCELLING" if is_cancelling else execution.state,
        "Options": execution.options,
        "TaskMode": execution.task.mode,
        "Result": execution.result,
        "FilesListed": {"AtSource": execution.counts.get("FilesListed", 0)},
        "FilesFailed": {phase: execution.failed.get(phase, 0) for phase in PHASES},
    }
    counters = {name: execution.counts.get(name, 0) for name in COUNTERS}
    report = {"ReportResult": execution.report} if execution.report else {}
    return settings | counters | state | report | {name: time for name, time in times.items() if time}
