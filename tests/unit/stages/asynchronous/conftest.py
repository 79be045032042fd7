"""A stack whose analysis contigs is asynchronous, in memory, from a validated upload to its results."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from seqdrop.aws import keys
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.events import is_inference_result, parse_finished_job, parse_inference_result
from seqdrop.runtime.services import now
from seqdrop.stages.finish.asynchronous import finish_request
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.start_transform.start_transform import start_transform
from seqdrop.uploads import UploadVersion
from seqdrop.work.items import shard_key

from tests.faults import bus
from tests.support.aws.direct import Table
from tests.unit.stages.serve.conftest import ANALYSIS, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.records import Job

SETTINGS = 'mode = "async"\nasync_below_mb = 2\n'
TEXT = ANALYSIS.format(name="contigs", model="promoter-300") + SETTINGS
ENDPOINT = "seqdrop-contigs-async"
MINUTE, HOUR = 60, 3600


class AsyncLab(Lab):
    """The stack. `messages` are about asynchronous requests and have not been delivered yet."""

    def __init__(self, monkeypatch):
        super().__init__(monkeypatch)
        self.messages: list[dict] = []
        self.runtime = self.account.runtime
        self.account.runtime._on_result = self.messages.append
        self.account.sagemaker._on_end = lambda job: self.account.sent.append(("finish_queue", bus.job_changed(job)))
        settings = replace(self.services.settings, endpoints="true")
        ledger = Ledger(Table(self.account), now)
        self.services = replace(self.services, settings=settings, ledger=ledger)
        self.deploy(TEXT)
        self.push()
        self.run()
        self.end_change(ENDPOINT)

    def drop(self, name: str = "a", sizes: tuple[int, ...] = (1,)) -> str:
        """Create a validated upload with a planned attempt; return the attempt's key. `sizes` are lines of shards."""
        version = UploadVersion("landing", f"contigs/{name}", "v", 1, "e")
        self.services.ledger.create(Upload.from_version(version, "contigs"))
        plan = self.services.analyses.by_name["contigs"].as_json()
        attempt = Attempt(
            "PLANNED", upload_id=version.id, analysis="contigs", shards=len(sizes), items=sum(sizes), plan=plan
        )
        self.services.ledger.move(self.services.ledger.find_upload(version.id), "VALIDATED", attempt)
        for number, lines in enumerate(sizes):
            body = "".join(self._lines(version.id, number, lines))
            self.services.s3.put_object(Bucket="work", Key=shard_key(attempt, number), Body=body.encode())
        return attempt.key

    @staticmethod
    def _lines(upload: str, shard: int, lines: int) -> Iterator[str]:
        for line in range(lines):
            record = f"c{shard}.{line}"
            item = {"id": f"{upload}:{shard}:{line}", "record": record, "start": 0, "sequence": "ACGT" * 75}
            yield json.dumps(item) + "\n"

    def start(self, *attempts: str, jobs: tuple[str, ...] = ()) -> set[str]:
        return start_transform(self.services, attempts, jobs)

    def wait(self, minutes: float = 11) -> None:
        """Let requests and jobs end."""
        self.clock.advance(minutes * MINUTE)
        self.runtime.run()
        self.sagemaker.run()

    def deliver(self, *messages: dict) -> None:
        """Deliver these messages about requests, or all that wait."""
        for message in messages or [self.messages.pop(0) for _ in self.messages[:]]:
            finish_request(self.services, parse_inference_result(message))

    def drain(self) -> list[str]:
        """Handle the messages of all queues until there are none; return the ids of uploads to archive."""
        archived = []
        while self.account.sent:
            queue, body = self.account.sent.pop(0)
            if queue == "transform_queue" and "attempt" in body:
                assert not self.start(body["attempt"])
            elif queue == "finish_queue" and is_inference_result(body):
                self.deliver(body)
            elif queue == "finish_queue":
                finish(self.services, parse_finished_job(body))
            elif queue == "archive_queue":
                archived.append(body["upload"])
        return archived

    def reconcile(self, minutes: float = 40) -> None:
        self.wait(minutes)
        assert reconcile(self.services)["errors"] == 0

    def attempts(self, key: str) -> list[tuple[int, str]]:
        """Return number and state of each attempt of the upload of an attempt."""
        return [(attempt.number, attempt.state) for attempt in self.services.ledger.attempts(key.split("-")[0])]

    def job(self, key: str) -> Job:
        return self.services.ledger.require_job(self.services.ledger.require_attempt(key).job)

    def results(self, key: str, number: int = 1) -> dict[str, bytes]:
        """Return the result files of an attempt by name."""
        prefix = keys.result("contigs", key.split("-")[0], number, "")
        bucket = self.account.s3.buckets["results"]
        own = {name: bucket.current(name).body for name in bucket.keys if name.startswith(prefix)}
        return {name.removeprefix(prefix): body for name, body in own.items() if "/" not in name.removeprefix(prefix)}

    def summary(self, key: str, number: int = 1) -> dict:
        return json.loads(self.results(key, number)["summary.json"])


@pytest.fixture
def stack(monkeypatch) -> AsyncLab:
    return AsyncLab(monkeypatch)
