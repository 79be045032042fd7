"""One AWS account in memory, and what it notices that must never happen."""

from __future__ import annotations

import json
from dataclasses import dataclass

from botocore import xform_name
from seqdrop.ledger import moves

from tests.faults.world import bus
from tests.faults.world.clock import Clock
from tests.faults.world.dynamodb import DynamoDb
from tests.faults.world.errors import Refused
from tests.faults.world.expressions import plain
from tests.faults.world.queues import Queues
from tests.faults.world.s3 import S3, Bucket, Version
from tests.faults.world.sagemaker import SageMaker
from tests.faults.world.template import buckets, environment, of_type, queues, value

TWICE, LATE, LOST = MISHAPS = ("twice", "late", "lost")
DELAY = 3600  # seconds that a late message takes; whatever else happens meanwhile comes first


@dataclass(frozen=True)
class Call:
    """A request of a function, as boto3 sends it."""

    service: str
    operation: str
    request: dict
    headers: dict

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"


class World:
    """Buckets, the table, queues, the topic and SageMaker. `wrong` lists what was seen to go wrong."""

    def __init__(self):
        self.environment = environment()
        self.clock = Clock()
        self.s3 = S3(self.clock, buckets(), self._created)
        self.table = DynamoDb(self.environment["SEQDROP_TABLE"], _indexes(), self._written)
        self.queues = Queues(self.clock, queues())
        self.sagemaker = SageMaker(self.clock, self.s3, lambda job: self.announce(bus.job_changed(job)))
        self.mails: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.mishaps: dict[int, str] = {}  # what becomes of the nth message
        self._sent = 0
        self._by_function = False
        self._services = {"s3": self.s3, "dynamodb": self.table, "sqs": self, "sns": self, "sagemaker": self.sagemaker}

    def name(self, setting: str) -> str:
        """A name that the functions are told, such as that of a bucket."""
        return self.environment[f"SEQDROP_{setting.upper()}"]

    def call(self, call: Call) -> dict:
        """Do what a function asks for. Raises Refused."""
        operation = getattr(self._services[call.service], xform_name(call.operation), None)
        if operation is None:
            self.wrong.append(f"this world has no {call.name}")
            raise Refused("UnknownOperationException", f"this world has no {call.name}")
        self._by_function = True
        try:
            if call.name == "s3.DeleteObject":
                self._check_delete(call.request)
            return operation(call.request, call.headers)
        finally:
            self._by_function = False

    # -- messages: EventBridge may lose one, SQS may not; both may bring it late or twice --

    def announce(self, event: dict) -> None:
        for queue in bus.queues_of(event):
            self._post(queue, json.dumps(event), may_be_lost=True)

    def send_message(self, request: dict, headers: dict) -> dict:
        queue = request["QueueUrl"].rsplit("/", 1)[1]
        self._post(queue, request["MessageBody"], request.get("DelaySeconds", 0))
        return {"MessageId": f"sent-{self._sent}"}

    def send_message_batch(self, request: dict, headers: dict) -> dict:
        for entry in request["Entries"]:
            self.send_message({"QueueUrl": request["QueueUrl"], **entry}, headers)
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}

    def change_message_visibility(self, request: dict, headers: dict) -> dict:
        return self.queues.change_message_visibility(request, headers)

    def publish(self, request: dict, headers: dict) -> dict:
        self.mails.append((request["Subject"], request["Message"]))
        return {"MessageId": f"mail-{len(self.mails)}"}

    def _post(self, queue: str, body: str, delay: float = 0, may_be_lost: bool = False) -> None:
        mishap = self.mishaps.get(self._sent)
        self._sent += 1
        if mishap == LOST and may_be_lost:
            return
        self.queues.put(queue, body, delay + (DELAY if mishap in (LATE, LOST) else 0))
        if mishap == TWICE:
            self.queues.put(queue, body, delay)

    # -- what is noticed at the moment when it happens --

    def _created(self, bucket: Bucket, version: Version) -> None:
        if bucket.name == self.name("landing"):
            if self._by_function:
                self.wrong.append(f"a function wrote {version.key} into the landing bucket")
            self.announce(bus.object_created(bucket, version))
        if self._by_function and bucket.name == self.name("archive") and len(bucket.keys[version.key]) > 1:
            self.wrong.append(f"{version.key} was copied to the archive twice")

    def _check_delete(self, request: dict) -> None:
        if request["Bucket"] != self.name("landing"):
            return
        held = self.s3.buckets[request["Bucket"]]
        if "VersionId" not in request:
            self.wrong.append(f"a function put a delete marker over {request['Key']}")
            return
        version = held.version(request["Key"], request["VersionId"])
        copies = [one for kept in self.s3.buckets[self.name("archive")].keys.values() for one in kept]
        if version and not any((one.body, one.storage) == (version.body, "DEEP_ARCHIVE") for one in copies):
            self.wrong.append(f"{version.key} was deleted, and there is no copy of it")

    def _written(self, before: dict | None, after: dict | None) -> None:
        """A record may go only where the table of moves lets it; each write must have seen the one before it."""
        if after is None or "revision" not in after:
            return
        seen, stood = plain(after["revision"]) - 1, plain(before["revision"]) if before else 0
        if seen != stood:
            self.wrong.append(f"{_name(after)}: revision {stood} was written over by one that had seen {seen}")
        if "state" in after:
            self._check_move(before, after)

    def _check_move(self, before: dict | None, after: dict) -> None:
        kind, to = after["kind"]["S"], after["state"]["S"]
        source = before["state"]["S"] if before else None
        if source != to and (kind, source, to) not in {(move.kind, move.source, move.target) for move in moves.MOVES}:
            self.wrong.append(f"{_name(after)} went from {source} to {to}, which is no move")
        if "expires_at" in after and kind != moves.ATTEMPT and to not in moves.ENDS[kind]:
            self.wrong.append(f"{_name(after)} would expire in {to}")


def _name(item: dict) -> str:
    return f"{item['pk']['S']} {item['sk']['S']}"


def _indexes() -> dict[str, tuple[str, str]]:
    (table,) = of_type("AWS::DynamoDB::Table").values()
    found = {}
    for index in table["GlobalSecondaryIndexes"]:
        first, second = (value(key)["AttributeName"] for key in index["KeySchema"])
        found[index["IndexName"]] = (first, second)
    return found
