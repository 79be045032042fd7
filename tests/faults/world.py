"""An AWS account in memory, which records events that must never happen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.ledger import moves

from tests.faults import bus
from tests.support.aws.account import Account, Call
from tests.support.aws.clock import Clock
from tests.support.aws.errors import RefusedError
from tests.support.aws.expressions import to_python
from tests.support.aws.template import buckets, environment, queues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.aws.omics import Run
    from tests.support.aws.s3 import Bucket, Version
    from tests.support.aws.sagemaker import Job

TWICE, LATE, LOST = MISHAPS = ("twice", "late", "lost")
DELAY = 3600  # seconds that a late message takes; everything else happens before it


class World(Account):
    """The account that template.yaml describes. `wrong` lists the violations that happened."""

    def __init__(self):
        self.environment = environment()
        super().__init__(buckets(), self.environment["SEQDROP_TABLE"], queues(), Clock())
        self._services |= {"sqs": self, "sns": self}
        self.mails: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.mishaps: dict[int, str] = {}  # by number of the message, from 0
        self._count = 0
        self._by_function = False

    def name(self, setting: str) -> str:
        """Return a name of the functions' environment, such as that of a bucket."""
        return self.environment[f"SEQDROP_{setting.upper()}"]

    def call(self, call: Call) -> dict:
        """Handle a call of a function. Raise RefusedError."""
        self._by_function = True
        try:
            deletions = list(_deletions(call))
            for deletion in deletions:
                self._check_delete(deletion)
            response = super().call(call)
            if deletions:
                self.landing_changed()
            return response
        except NotImplementedError as error:
            self.wrong.append(str(error))
            raise RefusedError("UnknownOperationException", str(error)) from error
        finally:
            self._by_function = False

    # -- what happens by itself --

    def next_at(self) -> float | None:
        """Return when the next job, or asynchronous request, ends by itself; None if none does."""
        times = [self.sagemaker.next_at(), self.runtime.next_at(), self.omics.next_at()]
        return min((at for at in times if at is not None), default=None)

    def run(self) -> None:
        """End the jobs and the requests whose time has come."""
        self.sagemaker.run()
        self.runtime.run()
        self.omics.run()

    def tick(self) -> None:
        """Do what schedules of EventBridge do, besides that of the reconciler."""

    def mend(self) -> None:
        """End what acts of this world keep broken, before the schedule comes to rest."""

    def perform(self, act: str) -> bool:
        """Perform an act on what only this world has; return False if it is another act."""
        return False

    # -- messages: EventBridge may lose a message, SQS may not; both may deliver it late or twice --

    def announce(self, event: dict) -> None:
        for queue in bus.queues_of(event):
            self._post(queue, json.dumps(event), may_be_lost=True)

    def send_message(self, request: dict, headers: dict) -> dict:
        queue = request["QueueUrl"].rsplit("/", 1)[1]
        self._post(queue, request["MessageBody"], request.get("DelaySeconds", 0))
        return {"MessageId": f"sent-{self._count}"}

    def send_message_batch(self, request: dict, headers: dict) -> dict:
        for entry in request["Entries"]:
            self.send_message({"QueueUrl": request["QueueUrl"], **entry}, headers)
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}

    def change_message_visibility(self, request: dict, headers: dict) -> dict:
        return self.queues.change_message_visibility(request, headers)

    def get_queue_attributes(self, request: dict, headers: dict) -> dict:
        return self.queues.get_queue_attributes(request, headers)

    def publish(self, request: dict, headers: dict) -> dict:
        self.mails.append((request["Subject"], request["Message"]))
        return {"MessageId": f"mail-{len(self.mails)}"}

    def _post(self, queue: str, body: str, delay: float = 0, may_be_lost: bool = False) -> None:
        mishap = self.mishaps.get(self._count)
        self._count += 1
        if mishap == LOST and may_be_lost:
            return
        self.queues.put(queue, body, delay + (DELAY if mishap in (LATE, LOST) else 0))
        if mishap == TWICE:
            self.queues.put(queue, body, delay)

    # -- violations that are recorded when they happen --

    def landing_changed(self) -> None:
        """Handle a new or deleted object in the landing bucket."""

    def _on_end(self, job: Job) -> None:
        self.announce(bus.job_changed(job))

    def _on_run(self, run: Run) -> None:
        self.announce(bus.run_changed(run))

    def _on_result(self, message: dict) -> None:
        self._post("FinishQueue", json.dumps(message), may_be_lost=True)

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        if bucket.name == self.name("landing"):
            if self._by_function:
                self.wrong.append(f"a function wrote {version.key} into the landing bucket")
            self.landing_changed()
            self.announce(bus.object_created(bucket, version))
        if self._by_function and bucket.name == self.name("archive") and len(bucket.keys[version.key]) > 1:
            self.wrong.append(f"{version.key} was copied to the archive twice")

    def _check_delete(self, request: dict) -> None:
        if request["Bucket"] != self.name("landing"):
            return
        landing = self.s3.buckets[request["Bucket"]]
        if "VersionId" not in request:
            self.wrong.append(f"a function put a delete marker over {request['Key']}")
            return
        version = landing.version(request["Key"], request["VersionId"])
        copies = [version for kept in self.s3.buckets[self.name("archive")].keys.values() for version in kept]
        if version and not any((copy.body, copy.storage) == (version.body, "DEEP_ARCHIVE") for copy in copies):
            self.wrong.append(f"{version.key} was deleted, and it has no copy")

    def _on_write(self, before: dict | None, after: dict | None) -> None:
        """Record a violation if a write replaces a revision that it had not read, or a move is not in the table."""
        if after is None or "revision" not in after:
            return
        read, stored = to_python(after["revision"]) - 1, to_python(before["revision"]) if before else 0
        if read != stored:
            self.wrong.append(f"{_name(after)}: revision {stored} was replaced by a write that had read {read}")
        if "state" in after:
            self._check_move(before, after)

    def _check_move(self, before: dict | None, after: dict) -> None:
        kind, to = after["kind"]["S"], after["state"]["S"]
        source = before["state"]["S"] if before else None
        if source != to and (kind, source, to) not in {(move.kind, move.source, move.target) for move in moves.MOVES}:
            self.wrong.append(f"{_name(after)} went from {source} to {to}, which is not an allowed move")
        if "expires_at" in after and kind != moves.ATTEMPT and to not in moves.ENDS[kind]:
            self.wrong.append(f"{_name(after)} would expire in {to}")


def _deletions(call: Call) -> Iterator[dict]:
    """Yield each deletion of a call as a request of DeleteObject."""
    if call.name == "s3.DeleteObject":
        yield call.request
    if call.name == "s3.DeleteObjects":
        yield from ({"Bucket": call.request["Bucket"], **each} for each in call.request["Delete"]["Objects"])


def _name(item: dict) -> str:
    return f"{item['pk']['S']} {item['sk']['S']}"
