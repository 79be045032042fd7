"""Invariants of asynchronous jobs, which hold when nothing moves any more, besides those of the family `files`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.ledger.records import ASYNC, Attempt
from seqdrop.sagemaker.async_requests import InferenceName

from tests.faults.invariants import Check
from tests.support.aws.model import predict
from tests.support.aws.sagemaker import BREAKS

if TYPE_CHECKING:
    from collections.abc import Iterator


class AsyncCheck(Check):
    """Each file is predicted once, by the model that its job's record names; the endpoint gets no work twice."""

    def all(self) -> Iterator[str]:
        yield from super().all()
        for upload_id, attempts in self.attempts.items():
            for fault in self._of_attempts(attempts):
                yield f"{upload_id}: {fault}"
        counts = Counter(request.request["InferenceId"] for request in self.world.runtime.requests)
        if not self.disturbed and any(count > 1 for count in counts.values()):
            yield "a request was repeated, and nothing went wrong"

    def _of_attempts(self, attempts: list[dict]) -> Iterator[str]:
        if sum(attempt["state"] == "PREDICTED" for attempt in attempts) > 1:
            yield "it was predicted twice"
        for before, attempt in zip([None, *attempts], attempts, strict=False):
            if before and before["state"] == "PREDICTED":
                yield f"attempt {attempt['number']} follows one that succeeded"
            if before and self._was_sent(attempt):
                yield f"attempt {attempt['number']} was sent to the endpoint again"

    def _excused(self, upload) -> bool:
        """Return True also if the last job broke with only this upload, which here has two shards."""
        last = self.deciding_attempts(upload)[-1]
        job, record = self.world.sagemaker.jobs.get(last.get("job")), self.jobs.get(last.get("job"), {})
        broke = job is not None and job.ending == BREAKS and len(record["members"]) == 1
        return broke or super()._excused(upload)

    def _was_sent(self, attempt: dict) -> bool:
        own = Attempt("", upload_id=attempt["upload_id"], analysis=attempt["analysis"], number=attempt["number"])
        ids = (request.request["InferenceId"] for request in self.world.runtime.requests)
        return any(InferenceName.parse(text).names(own) for text in ids)

    def _predict(self, items: list[dict], attempt: dict) -> list[dict]:
        record = self.jobs.get(attempt.get("job", ""), {})
        if record.get("task") != ASYNC:
            return super()._predict(items, attempt)
        lines = "\n".join(map(json.dumps, items)).encode()
        archive = f"s3://{self.world.name('models')}/{record['model_key']}"
        return list(map(json.loads, predict(lines, archive).splitlines()))
