"""A stack in memory with a transfer: DataSync copies when the test says so, and its events come, or not."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.stages.transfer.transfer import handle_message

from tests.unit.stages.runs.world import Message, RunWorld

if TYPE_CHECKING:
    from datetime import datetime

TASK = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0"
EXCLUDES = "*.tmp|/lost+found"
START, LOOK = {"transfer": "start"}, {"transfer": "look"}


@dataclass
class Execution:
    """An execution that copies `waiting`, keys of the source by path."""

    arn: str
    request: dict
    started: datetime
    waiting: list[str]
    status: str = "PREPARING"
    ended: datetime | None = None
    failed: int = 0
    copied: list[str] = field(default_factory=list)


class DataSync:
    """DataSync with one task between two buckets of an account."""

    def __init__(self, world: TransferWorld):
        self._world, self.executions, self.is_online = world, [], True

    @property
    def running(self) -> Execution | None:
        return next((each for each in self.executions if each.status == "PREPARING"), None)

    def describe_task(self, **request) -> dict:
        assert request == {"TaskArn": TASK}
        return {"Status": "RUNNING" if self.running else "AVAILABLE" if self.is_online else "UNAVAILABLE"}

    def list_task_executions(self, **request) -> dict:
        rows = [{"TaskExecutionArn": each.arn, "Status": each.status} for each in self.executions]
        first = int(request.get("NextToken", 0))
        more = {"NextToken": str(first + 2)} if first + 2 < len(rows) else {}
        return {"TaskExecutions": rows[first : first + 2]} | more  # pages of two

    def describe_task_execution(self, **request) -> dict:
        execution = next(each for each in self.executions if each.arn == request["TaskExecutionArn"])
        description = {
            "TaskExecutionArn": execution.arn,
            "Status": execution.status,
            "StartTime": execution.started,
            "EndTime": execution.ended,
            "ManifestConfig": execution.request.get("ManifestConfig", {}),
            "FilesTransferred": len(execution.copied),
            "FilesFailed": {"Transfer": execution.failed},
            "Result": {"ErrorCode": "PartialTransfer"} if execution.status == "ERROR" else {},
        }
        return {name: value for name, value in description.items() if value is not None}

    def start_task_execution(self, **request) -> dict:
        arn = f"{TASK}/execution/exec-{len(self.executions):017x}"
        execution = Execution(arn, request, self._world.clock.now, self._world.plan(request))
        self.executions.append(execution)
        return {"TaskExecutionArn": arn}


class TransferWorld(RunWorld):
    """A source bucket, and a stack that copies from it."""

    def __init__(self, monkeypatch, **settings):
        super().__init__(monkeypatch)
        self.account.s3.create_bucket({"Bucket": "lab"}, {})
        self.datasync = DataSync(self)
        own = {
            "transfer_prefix": "runs/",
            "transfer_opens": "rule",
            "transfer_task": TASK,
            "transfer_source": "lab/seq/",
            "transfer_excludes": EXCLUDES,
            "transfer_quiet": 30,
        }
        configured = replace(self.services.settings, **{**own, **settings})
        self.services = replace(self.services, settings=configured, datasync=self.datasync)

    def handle(self, message: Message) -> None:
        if message.queue == "transfer":
            handle_message(self.services, message.body)
        else:
            super().handle(message)

    def write(self, run: str, **files: bytes) -> None:
        """Write files of a run into the source; __ in a name is a slash, and _ a dot."""
        for name, body in files.items():
            self.account.s3.put("lab", f"seq/{run}/{name.replace('__', '/').replace('_', '.')}", body)

    def write_all(self, run: str, files: dict[str, bytes]) -> None:
        for name, body in files.items():
            self.account.s3.put("lab", f"seq/{run}/{name}", body)

    def message(self, body: dict) -> None:
        """Deliver a message to transfer."""
        handle_message(self.services, body)

    def plan(self, request: dict) -> list[str]:
        """Return the paths that an execution copies: all of its manifest, or of the source."""
        if "ManifestConfig" not in request:
            page = self.services.s3.list_objects_v2(Bucket="lab", Prefix="seq/")
            return [item["Key"].removeprefix("seq/") for item in page.get("Contents", [])]
        place = request["ManifestConfig"]["Source"]["S3"]
        assert place["S3BucketArn"] == "arn:aws:s3:::work"
        text = self.account.s3.read("work", place["ManifestObjectPath"]).decode()
        return [row[0] for row in csv.reader(io.StringIO(text))]

    def copy(self, *paths: str) -> None:
        """Copy these files of the execution that runs, or all; their events come at once."""
        execution = self.datasync.running
        for path in paths or tuple(execution.waiting):
            self.clock.advance(1)
            execution.waiting.remove(path)
            execution.copied.append(path)
            run, _, name = path.partition("/")
            self.drop(name, self.account.s3.read("lab", f"seq/{path}"), f"runs/{run}/")

    def end(self, status: str = "SUCCESS", *, failed: int = 0, is_announced: bool = True) -> None:
        """End the execution that runs, and send its event."""
        execution = self.datasync.running
        self.clock.advance(2)
        execution.status, execution.ended, execution.failed = status, self.clock.now, failed
        self.clock.advance(2)
        if is_announced:
            self.announce(execution)

    def announce(self, execution: Execution) -> None:
        detail = {"State": execution.status}
        self.message(
            {"detail-type": "DataSync Task Execution State Change", "source": "aws.datasync", "detail": detail}
        )

    def transfer(self) -> list[str]:
        """Start an execution, let it copy all and succeed, and do what follows; return what it copied."""
        self.message(START)
        if self.datasync.running is None:
            return []
        self.copy()
        self.work()
        self.end()
        self.work()
        return self.datasync.executions[-1].copied

    def pass_quiet_time(self) -> None:
        """Let the source be quiet for longer than the stack asks for, and archive what is complete."""
        self.clock.advance(timedelta(minutes=31).total_seconds())
        self.work()

    def archived(self, run: str) -> list[str]:
        page = self.services.s3.list_objects_v2(Bucket="archive", Prefix=f"runs/{run}/")
        return [item["Key"] for item in page.get("Contents", [])]
