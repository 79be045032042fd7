"""HealthOmics in memory: runs that end, write an output and are reported, at a rate of starts.

A run ends USUAL after its start, unless a test says how. It reads its files as they are when it begins, by their names.
The rules are those of the embedded HealthOmics.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError
from tests.support.aws.template import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.clock import Clock
    from tests.support.aws.s3 import S3

USUAL, RATE = timedelta(minutes=20), timedelta(seconds=10)
COMPLETES, FAILS, LOST, DELETED = "completes", "fails", "is lost by the service", "is deleted"
ENDINGS = (FAILS, LOST, DELETED)
RUNNING = "RUNNING"
REASONS = {FAILS: ("RUN_TASK_FAILED", "the aligner found no read"), LOST: ("SERVICE_ERROR", "We failed")}


@dataclass
class Run:
    """A run. `bodies` are the files that it read, by URI, with digest and ETag."""

    id: str
    request: dict
    started: datetime
    ends: datetime | None
    ending: str
    status: str = RUNNING
    bodies: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.request["name"]

    @property
    def arn(self) -> str:
        return f"arn:aws:omics:{REGION}:{ACCOUNT}:run/{self.id}"

    @property
    def output_uri(self) -> str:
        return f"{self.request['outputUri'].rstrip('/')}/{self.id}"

    @property
    def _digests(self) -> dict[str, str]:
        """What it read; for every other run it is not described, because the service may leave it out."""
        if int(self.id) % 2 == 0:
            return {}
        return {uri: f"etag:{etag}" for uri, (_, etag) in self.bodies.items()}

    def describe(self) -> dict:
        cause, message = REASONS.get(self.ending, ("", "")) if self.status == "FAILED" else ("", "")
        described = {
            **{name: self.request[name] for name in ("name", "workflowId", "roleArn", "outputUri", "parameters")},
            "arn": self.arn,
            "id": self.id,
            "status": self.status,
            "runOutputUri": self.output_uri,
            "resourceDigests": self._digests,
            "creationTime": self.started,
            "startTime": self.started,
        }
        return described | ({"failureReason": cause, "statusMessage": message} if cause else {})


class Omics:
    """The service. `endings` says how the n-th run ends (from 0); `refusals` are the codes of the next starts.

    `throttled` counts the starts that came too soon. `runs` has every run, also those that were deleted.
    """

    def __init__(self, clock: Clock, s3: S3, on_end: Callable[[Run], None]):
        self._clock, self._s3, self._on_end = clock, s3, on_end
        self.runs: list[Run] = []
        self.endings: dict[int, str] = {}
        self.refusals: list[str] = []
        self.throttled = 0
        self._tokens: dict[str, tuple[str, Run]] = {}
        self._last: datetime | None = None

    def next_at(self) -> float | None:
        return min((run.ends.timestamp() for run in self.runs if run.ends), default=None)

    def run(self) -> None:
        """End the runs whose time has come."""
        for run in self.runs:
            if run.ends and run.ends <= self._clock.now:
                run.ends = None
                if run.ending == COMPLETES:
                    self._write(run)
                self._end(run, {COMPLETES: "COMPLETED", DELETED: "DELETED"}.get(run.ending, "FAILED"))

    def cancel(self, run: Run) -> None:
        """Cancel a run that has not ended, as a person does."""
        run.ends = None
        self._end(run, "CANCELLED")

    def _end(self, run: Run, status: str) -> None:
        run.status = status
        self._on_end(run)

    def _write(self, run: Run) -> None:
        bucket, _, key = run.output_uri.removeprefix("s3://").partition("/")
        digests = {uri: digest for uri, (digest, _) in run.bodies.items()}
        self._s3.put(bucket, f"{key}/out/digests.json", json.dumps(digests).encode())

    def _read(self, run: Run) -> None:
        for uri in run.request["parameters"].get("files", []):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            version = self._s3.buckets[bucket].current(key)
            if version is None:
                run.ending = FAILS
            else:
                run.bodies[uri] = (hashlib.sha256(version.body).hexdigest(), version.etag.strip('"'))

    # -- the API --

    def start_run(self, request: dict, headers: dict) -> dict:
        if self.refusals:
            raise RefusedError(self.refusals.pop(0), "no")
        text = json.dumps(request, sort_keys=True)
        if request["requestId"] in self._tokens:
            known, run = self._tokens[request["requestId"]]
            if known != text:
                raise RefusedError("ConflictException", "the request id was used with other parameters", 409)
            return {"id": run.id, "arn": run.arn, "status": run.status}
        if self._last and self._clock.now - self._last < RATE:
            self.throttled += 1
            raise RefusedError("ThrottlingException", "Rate exceeded", 429)
        self._last = self._clock.now
        number = len(self.runs)
        ending = self.endings.get(number, COMPLETES)
        run = Run(str(1_000_001 + number), request, self._clock.now, self._clock.now + USUAL, ending)
        self._read(run)
        self.runs.append(run)
        self._tokens[request["requestId"]] = text, run
        return {"id": run.id, "arn": run.arn, "status": "PENDING"}

    def get_run(self, request: dict, headers: dict) -> dict:
        for run in self.runs:
            if run.id == request["id"] and run.status != "DELETED":
                return run.describe()
        raise RefusedError("ResourceNotFoundException", "There is no such run", 404)

    def list_runs(self, request: dict, headers: dict) -> dict:
        runs = [run for run in self.runs if run.name == request.get("name") and run.status != "DELETED"]
        return {"items": [{"id": run.id, "name": run.name, "status": run.status} for run in runs]}


class Events:
    """EventBridge as a function calls it: the events that it put."""

    def __init__(self):
        self.emitted: list[dict] = []

    def put_events(self, request: dict, headers: dict) -> dict:
        self.emitted += [{**entry, "Detail": json.loads(entry["Detail"])} for entry in request["Entries"]]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in request["Entries"]]}
