"""The transfer of a stack for people: its executions, and an order to copy now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.aws.datasync import execution_id, list_executions

from seqdrop_cli.console import print_table
from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from datetime import datetime

    from seqdrop.aws.datasync import DataSyncClient, ExecutionDescription
    from seqdrop.runtime.messages import TransferMessage

    from seqdrop_cli.target import Target

QUEUE, TASK = "TransferQueue", "TransferTask"  # a resource, and an output, of template.yaml
TITLES = ("execution", "state", "started", "ended", "files", "bytes", "failed", "reason")
MOST = 20  # executions that are shown
NONE = "-"


def send_order(target: Target, *, everything: bool) -> None:
    """Have transfer start an execution. Raise CommandError if the stack has no transfer."""
    url = target.queues().get(QUEUE)
    if url is None:
        raise _no_transfer(target)
    message: TransferMessage = {"transfer": "start", "all": everything}
    target.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))


def show_executions(target: Target) -> None:
    """Print the last executions, the newest first. Raise CommandError if the stack has no transfer."""
    client: DataSyncClient = target.client("datasync")
    print_table(TITLES, [_make_row(execution) for execution in read_executions(client, find_task(target))])


def find_task(target: Target) -> str:
    """Return the ARN of the DataSync task. Raise CommandError if the stack has no transfer."""
    stack = target.client("cloudformation").describe_stacks(StackName=target.stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if TASK not in outputs:
        raise _no_transfer(target)
    return outputs[TASK]


def read_executions(client: DataSyncClient, task: str, most: int = MOST) -> list[ExecutionDescription]:
    """Return the last executions of a task, the newest first. DataSync lists them in no order that it documents."""
    arns = [each["TaskExecutionArn"] for each in list_executions(client, task)]
    executions = [client.describe_task_execution(TaskExecutionArn=arn) for arn in arns]
    return sorted(executions, key=lambda each: each["StartTime"], reverse=True)[:most]


def _make_row(execution: ExecutionDescription) -> tuple[str, ...]:
    return (
        execution_id(execution["TaskExecutionArn"]),
        execution["Status"],
        _show_time(execution.get("StartTime")),
        _show_time(execution.get("EndTime")),
        f"{execution.get('FilesTransferred', 0):,}",
        f"{execution.get('BytesTransferred', 0):,}",
        f"{sum(execution.get('FilesFailed', {}).values()):,}",
        str(execution.get("Result", {}).get("ErrorDetail", "")),
    )


def _show_time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else NONE


def _no_transfer(target: Target) -> CommandError:
    return CommandError(f"the stack {target.stack} has no transfer: deploy it with Transfer=true (docs/transfer.md)")
