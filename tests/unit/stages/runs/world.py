"""A stack in memory whose runs are judged by the rules of instruments, with a clock that the test advances."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.ledger.run_record import run_id
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.runtime.services import now
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.bundle.bundle import bundle
from seqdrop.stages.runs.run import advance_run
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.services import direct_services

if TYPE_CHECKING:
    import pytest
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.run_record import Run

NAME = "20260105_LH00999_0012_A22ABCDLT4"
FOLDER = f"runs/{NAME}/"


@dataclass(order=True)
class Message:
    """A message, by the time (seconds since 1970) at which it is delivered."""

    at: float
    number: int
    queue: str = field(compare=False)
    body: dict = field(compare=False)


class Queues:
    """SQS with delays; messages are delivered by `RunWorld.work`."""

    def __init__(self, clock: Clock):
        self._clock, self.waiting, self.requests = clock, [], 0

    def send_message(self, **request) -> dict:
        self.requests += 1
        self._put(request["QueueUrl"], request)
        return {}

    def send_message_batch(self, **request) -> dict:
        self.requests += 1
        for entry in request["Entries"]:
            self._put(request["QueueUrl"], entry)
        return {}

    def _put(self, queue: str, entry: dict) -> None:
        at = self._clock.seconds + entry.get("DelaySeconds", 0)
        self.waiting.append(Message(at, len(self.waiting), queue, json.loads(entry["MessageBody"])))


class RunWorld:
    """Buckets, ledger, queues and mails; `drop` files, and `work` until nothing is due."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.clock = Clock()
        self.account = Account(clock=self.clock)
        self.queues = Queues(self.clock)
        monkeypatch.setattr(clock, "utc_now", lambda: self.clock.now)
        self.services = replace(direct_services(self.account), ledger=Ledger(Table(self.account), now), sqs=self.queues)
        self.ledger = self.services.ledger
        self.dropped: dict[str, UploadVersion] = {}
        self.started: list[Message] = []  # the messages that have attempts started

    def drop(self, name: str, body: bytes = b"", folder: str = FOLDER, **about: object) -> UploadVersion:
        """Put a file into the landing bucket, with fields of its response, and send its event."""
        landed = self.account.s3.put("landing", folder + name, body, about=about)
        version = UploadVersion("landing", folder + name, landed.id, len(body), landed.etag, landed.sequencer)
        self.dropped[name] = version
        self.queues.waiting.append(
            Message(self.clock.seconds, len(self.queues.waiting), "landed", {"version": version})
        )
        return version

    def drop_all(self, files: dict[str, bytes], folder: str = FOLDER) -> None:
        for name, body in files.items():
            self.drop(name, body, folder)

    def work(self) -> None:
        """Deliver all messages that are due now, and those that follow from them."""
        for _ in range(5000):
            due = [message for message in self.queues.waiting if message.at <= self.clock.seconds]
            if not due:
                return
            message = min(due)
            self.queues.waiting.remove(message)
            self.handle(message)
        raise AssertionError("the messages never end")

    def handle(self, message: Message) -> None:
        if message.queue == "landed":
            validate(self.services, message.body["version"])
        elif message.queue == "archive_queue":
            archive(self.services, message.body["upload"])
        elif message.queue == "bundle_queue":
            bundle(self.services, message.body["bundle"], message.body.get("plan", ""))
        elif "run" in message.body:
            advance_run(self.services, message.body["run"])
        elif message.queue == "transform_queue":
            self.started.append(message)
        elif message.queue == "validate_queue":
            for version in parse_landed_versions(message.body):
                validate(self.services, version)

    def wait(self, minutes: float) -> None:
        """Let time pass, a minute at a time, and deliver what becomes due."""
        while minutes > 0:
            self.clock.advance(60 * min(minutes, 1))
            minutes -= 1
            self.work()

    def run(self, folder: str = FOLDER) -> Run:
        run = self.ledger.find_run(run_id("landing", folder))
        assert run is not None
        return run

    def upload(self, name: str) -> Upload:
        return self.ledger.require_upload(self.dropped[name].id)

    def states(self) -> set[str]:
        return {self.ledger.require_upload(version.id).state for version in self.dropped.values()}

    def receipt(self, name: str) -> dict:
        return json.loads(self.account.s3.read("results", f"receipts/{self.dropped[name].id}.json"))

    def report(self, name: str = NAME) -> dict:
        return json.loads(self.account.s3.read("results", f"runs/runs/{name}/run.json"))

    def samples(self, name: str = NAME) -> list[str]:
        return self.account.s3.read("results", f"runs/runs/{name}/samples.tsv").decode().splitlines()

    @property
    def mails(self) -> list[tuple[str, str]]:
        return [(mail["Subject"], mail["Message"]) for queue, mail in self.account.sent if queue == "topic"]
