"""The operations of DataSync that are used; boto3-stubs for it are not among the requirements.

https://docs.aws.amazon.com/datasync/latest/userguide/API_Operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

SUCCESS, ERROR = "SUCCESS", "ERROR"
ENDED = frozenset({SUCCESS, ERROR})
AVAILABLE = "AVAILABLE"
STATE_CHANGE = "DataSync Task Execution State Change"


class TaskDescription(TypedDict, total=False):
    """What is read of a DescribeTask response."""

    Status: str
    SourceLocationArn: str
    ErrorDetail: str
    Excludes: list[dict[str, str]]


class ExecutionSummary(TypedDict):
    """What a list shows of an execution."""

    TaskExecutionArn: str
    Status: str


class ExecutionDescription(TypedDict, total=False):
    """What is read of a DescribeTaskExecution response."""

    TaskExecutionArn: str
    Status: str
    StartTime: datetime
    EndTime: datetime
    FilesTransferred: int
    BytesTransferred: int
    FilesFailed: dict[str, int]
    ManifestConfig: dict[str, Any]
    Result: dict[str, Any]


class DataSyncClient(Protocol):
    """boto3's client `datasync`."""

    def describe_task(self, *, TaskArn: str) -> TaskDescription:  # noqa: N803 - boto3's names
        """Return a task."""

    def describe_task_execution(self, *, TaskExecutionArn: str) -> ExecutionDescription:  # noqa: N803
        """Return an execution."""

    def list_task_executions(self, **request: str | int) -> dict[str, Any]:
        """Return a page of the executions of a task."""

    def start_task_execution(
        self,
        *,
        TaskArn: str,  # noqa: N803
        ManifestConfig: Mapping[str, object] = ...,  # noqa: N803
        Excludes: Sequence[Mapping[str, str]] = ...,  # noqa: N803
    ) -> dict[str, str]:
        """Start an execution; return its ARN under `TaskExecutionArn`."""


def list_executions(client: DataSyncClient, task: str) -> Iterator[ExecutionSummary]:
    """Yield the executions of a task, in any order. DataSync forgets old ones."""
    more: dict[str, str] = {}
    while True:
        page = client.list_task_executions(TaskArn=task, MaxResults=100, **more)
        yield from page["TaskExecutions"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def execution_id(arn: str) -> str:
    """Return the id of an execution, such as exec-0123456789abcdef0, from its ARN."""
    return arn.rpartition("/")[2]
