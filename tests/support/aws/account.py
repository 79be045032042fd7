"""One AWS account in memory: buckets, the ledger's table, queues, a topic and SageMaker, under one clock.

The only fake of AWS for unit and fault tests. tests/contract holds it to the embedded AWS and to moto: the same calls,
the same responses. Reach it through real boto3 clients (`wire.py`), which validate each request first, or, where a test
makes many thousand calls, through `direct.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from botocore import xform_name

from tests.support.aws.clock import Clock, SystemClock
from tests.support.aws.dynamodb import DynamoDb
from tests.support.aws.queues import Queues
from tests.support.aws.s3 import S3, Bucket, Version
from tests.support.aws.sagemaker import Job, SageMaker
from tests.support.aws.template import QueueSettings, indexes

TABLE = "ledger"
BUCKETS = {"landing": True, "work": False, "results": False, "archive": True}  # name: whether it keeps versions


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
    """SNS of one topic: notifications are kept in `sent`."""

    def __init__(self, sent: list[tuple[str, dict]]):
        self._sent = sent

    def publish(self, request: dict, headers: dict) -> dict:
        self._sent.append(("topic", request))
        return {"MessageId": f"mail-{len(self._sent)}"}


class Account:
    """An account of these buckets (name: whether it keeps versions), this table and these queues.

    Notifications, and messages to any other queue, go no further than `sent`: ("topic", mail) or (queue URL, body).
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
        self._services = {
            "s3": self.s3,
            "dynamodb": self.table,
            "sqs": self.queues,
            "sns": Topic(self.sent),
            "sagemaker": self.sagemaker,
        }

    def call(self, call: Call) -> dict:
        """Return the service's response. Raises RefusedError."""
        operation = getattr(self.service(call.service), xform_name(call.operation), None)
        if operation is None:
            raise NotImplementedError(f"this AWS has no {call.name}: add it to tests/support/aws, and to the contract")
        return operation(call.request, call.headers)

    def service(self, name: str):
        """What handles a service's operations: a method of its own for each, of (request, headers)."""
        return self._services[name]

    def snapshot(self) -> tuple:
        """What `restore` brings back: table, buckets and messages. Jobs, queues and the clock go on."""
        return self.table.snapshot(), self.s3.snapshot(), list(self.sent)

    def restore(self, snapshot: tuple) -> None:
        table, objects, sent = snapshot
        self.table.restore(table)
        self.s3.restore(objects)
        self.sent[:] = sent

    # -- what a subclass may want to see --

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        """Called after each new object."""

    def _on_write(self, before: dict | None, after: dict | None) -> None:
        """Called after each change of an item of the table; None where there is no item."""

    def _on_end(self, job: Job) -> None:
        """Called when a job reaches its final state."""
