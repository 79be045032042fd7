"""A ledger, buckets and queues in memory, for tests in which jobs take turns in every order.

The clients do not use botocore, so that thousands of orders can be tried.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.direct import Table
from tests.support.services import direct_services
from tests.unit.stages.mates import PausingLedger, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.ledger.records import Upload

MOMENT = "2026-01-01T00:00:00.000Z"


class ConsistentTable(Table):
    """A table that rejects eventually consistent reads of records."""

    def get_item(self, Key: dict, ConsistentRead: bool = False) -> dict:
        assert ConsistentRead, "a decision must see the last write"
        return super().get_item(Key, ConsistentRead=True)

    def query(self, KeyConditionExpression, ConsistentRead: bool = False, **more) -> dict:
        assert ConsistentRead or "IndexName" in more, "a decision must see the last write"
        return super().query(KeyConditionExpression, ConsistentRead=ConsistentRead, **more)


class World:
    """Services in memory.

    `ledger` is their ledger without the hooks that let other jobs continue. It takes its time from `now`, which returns
    MOMENT by default. `deliver` validates the messages that were sent to validate.
    """

    def __init__(self, now: Callable[[], str] = lambda: MOMENT):
        self.account = Account()
        self.account.s3.page = 1  # a listing may have pages of any size
        self.sent = self.account.sent
        self.ledger = Ledger(ConsistentTable(self.account), now)
        self.services = replace(direct_services(self.account), ledger=self.ledger)
        self._landed: dict[str, object] = {}  # the version at S3, by the upload's id

    # -- the landing bucket --

    def drop(self, key: str, body: bytes, **more) -> UploadVersion:
        landed = self.account.s3.put("landing", key, body, **more)
        version = UploadVersion("landing", key, landed.id, len(body), landed.etag, landed.sequencer)
        self._landed[version.id] = landed
        return version

    def delete(self, version: UploadVersion) -> None:
        self.account.s3.delete("landing", version.key, version.version_id)

    def land(self, version: UploadVersion) -> None:
        """Put a version back into the landing bucket if it was deleted."""
        bucket = self.account.s3.buckets["landing"]
        if bucket.version(version.key, version.version_id) is None:
            bucket.add(self._landed[version.id])

    def take(self, key: str, body: bytes, **more) -> UploadVersion:
        """Drop a file, validate it, and deliver the messages that were sent to validate."""
        version = self.drop(key, body, **more)
        validate(self.services, version)
        self.deliver()
        return version

    def deliver(self, most: int = 100) -> None:
        for _ in range(most):
            body = next((body for queue, body in self.sent if queue == "validate_queue"), None)
            if body is None:
                return
            self.sent.remove(("validate_queue", body))
            if "run" in body:
                continue  # tests/unit/stages/runs has the judgement of runs
            for version in parse_landed_versions(body):
                validate(self.services, version)
        raise AssertionError(f"validate sent itself more than {most} messages")

    # -- the state --

    def upload(self, version: UploadVersion) -> Upload:
        return self.ledger.find_upload(version.id)

    def states(self, *versions: UploadVersion) -> list[str]:
        return [self.upload(version).state for version in versions]

    def read_json(self, kind: str, version: UploadVersion) -> dict:
        """Return the report ("reports") or the reason ("reasons") of an upload."""
        return json.loads(self.account.s3.read("results", f"{kind}/{version.id}.json"))

    def work(self) -> dict[str, bytes]:
        """Return the objects of the work bucket, by key."""
        bucket = self.account.s3.buckets["work"]
        return {key: bucket.current(key).body for key in bucket.keys}

    def expire_record(self, version: UploadVersion) -> None:
        """Let time-to-live remove the record of an upload."""
        table = self.account.table
        place = (f"UPLOAD#{version.id}", "UPLOAD")
        table.restore({key: item for key, item in table.snapshot().items() if key != place})

    def expire(self) -> None:
        """Let S3 remove all work items."""
        self.account.s3.buckets["work"].keys.clear()

    @property
    def mails(self) -> list[dict]:
        return [mail for queue, mail in self.sent if queue == "topic"]

    # -- orders --

    def snapshot(self) -> tuple:
        return self.account.snapshot()

    def back_to(self, snapshot: tuple) -> None:
        """Restore a snapshot, and empty all queues."""
        self.account.restore(snapshot)
        self.sent.clear()

    def take_turns(self, jobs: list[Callable[[], None]], choose: Callable[[list[int]], int]) -> None:
        """Run the jobs in turns. A job that raised RetryableError runs again, as if its message was delivered again."""
        turns = Turns(jobs, choose)
        with self.pausing(turns):
            turns.run()
        for number, error in turns.errors.items():
            if not isinstance(error, RetryableError):
                raise error
            jobs[number]()

    @contextmanager
    def pausing(self, turns: Turns) -> Iterator[None]:
        """Let calls of the services pause, so that other jobs continue."""
        raise NotImplementedError
        yield


class PausingWorld(World):
    """A world in which other jobs continue before each call to the ledger."""

    def __init__(self):
        super().__init__()
        self.services = replace(self.services, ledger=PausingLedger(self.ledger))

    @contextmanager
    def pausing(self, turns: Turns) -> Iterator[None]:
        self.services.ledger.turns = turns
        yield
        self.services.ledger.turns = None
