"""One AWS account in memory: buckets, the ledger's table, queues, a topic and SageMaker, under one clock.

The only fake of AWS for unit and fault tests. tests/contract checks that it responds to the same calls as the embedded
AWS and moto do. Call it through real boto3 clients (`wire.py`), which validate each request first. A test that makes
many thousand calls uses `direct.py` instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from botocore import xform_name

from tests.support.aws.clock import Clock, SystemClock
from tests.support.aws.dynamodb import DynamoDb
from tests.support.aws.endpoints import AutoScaling, CloudWatch
from tests.support.aws.omics import Events, Omics, Run
from tests.support.aws.queues import Queues
from tests.support.aws.runtime import Runtime
from tests.support.aws.s3 import S3, Bucket, Version
from tests.support.aws.sagemaker import Job, SageMaker
from tests.support.aws.template import ACCOUNT, QueueSettings, indexes

TABLE = "ledger"
# By name: True if the bucket keeps versions.
BUCKETS = {"landing": True, "work": False, "results": False, "models": False, "archive": True}


@dataclass(frozen=True)
class Call:
    """A request of a client: the service's name, the operation as the API spells it, its parameters and headers."""

    service: str
    operation: str
    request: dict
    headers: dict

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"


class Topic:
    """SNS with one topic. Notifications are appended to `sent`."""

    def __init__(self, sent: list[tuple[str, dict]]):
        self._sent = sent

    def publish(self, request: dict, headers: dict) -> dict:
        self._sent.append(("topic", request))
        return {"MessageId": f"mail-{len(self._sent)}"}


class Identity:
    """STS, for which every caller is the same user."""

    arn = f"arn:aws:iam::{ACCOUNT}:user/ada"

    def get_caller_identity(self, request: dict, headers: dict) -> dict:
        return {"Arn": self.arn, "Account": ACCOUNT, "UserId": "AIDACKCEVSQ6C2EXAMPLE"}


class Account:
    """An account with these buckets (name: True if it keeps versions), this table and these queues.

    Notifications, and messages to any other queue, are only appended to `sent`: ("topic", mail) or (queue URL, body).
    """

    def __init__(
        self,
        buckets: dict[str, bool] | None = None,
        table: str = TABLE,
        queues: dict[str, QueueSettings] | None = None,
        clock: Clock | SystemClock | None = None,
    ):
        self.clock = clock or SystemClock()
        self.s3 = S3(self.clock, BUCKETS if buckets is None else buckets, self._on_create)
        self.table = DynamoDb(table, indexes(), self._on_write)
        self.sent: list[tuple[str, dict]] = []
        self.queues = Queues(self.clock, queues or {}, self.sent)
        self.sagemaker = SageMaker(self.clock, self.s3, self._on_end)
        self.runtime = Runtime(self.clock, self.s3, self.sagemaker, self._on_result)
        self.cloudwatch, self.autoscaling = CloudWatch(), AutoScaling()
        self.omics, self.events = Omics(self.clock, self.s3, self._on_run), Events()
        self._services = {
            "s3": self.s3,
            "dynamodb": self.table,
            "sqs": self.queues,
            "sns": Topic(self.sent),
            "sagemaker": self.sagemaker,
            "sagemaker-runtime": self.runtime,
            "sts": Identity(),
            "cloudwatch": self.cloudwatch,
            "application-autoscaling": self.autoscaling,
            "omics": self.omics,
            "events": self.events,
        }

    def call(self, call: Call) -> dict:
        """Return the service's response. Raise RefusedError if the service refuses the request."""
        operation = getattr(self.service(call.service), xform_name(call.operation), None)
        if operation is None:
            raise NotImplementedError(
                f"this fake AWS has no {call.name}: add it to tests/support/aws, and to the contract"
            )
        return operation(call.request, call.headers)

    def service(self, name: str):
        """Return the object that handles a service's operations: one method of (request, headers) per operation."""
        return self._services[name]

    def snapshot(self) -> tuple:
        """Return what `restore` restores: table, buckets and messages, but not jobs, queues and the clock."""
        return self.table.snapshot(), self.s3.snapshot(), list(self.sent)

    def restore(self, snapshot: tuple) -> None:
        """Restore the state of a snapshot."""
        table, objects, sent = snapshot
        self.table.restore(table)
        self.s3.restore(objects)
        self.sent[:] = sent

    # -- hooks for subclasses --

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        """Called after each new object."""

    def _on_write(self, before: dict | None, after: dict | None) -> None:
        """Called after each change of an item of the table; None where there is no item."""

    def _on_end(self, job: Job) -> None:
        """Called when a job reaches its final state."""

    def _on_run(self, run: Run) -> None:
        """Called when a run of HealthOmics reaches its final status."""

    def _on_result(self, message: dict) -> None:
        """Called with the message about the end of an asynchronous request."""
