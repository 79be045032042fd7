"""Invariants that hold when nothing moves any more. They are checked against stored objects, not only the ledger."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from seqdrop.stages.finish.bisect import MAX_LOST

from tests.faults import files, work
from tests.faults.evidence import Drop, Evidence
from tests.support.aws.model import predict
from tests.support.aws.sagemaker import BREAKS, DIES, DIES_LATE, Job, model_data

if TYPE_CHECKING:
    from collections.abc import Iterator


class Check(Evidence):
    """The invariants of reads, raw data and pairs, for each file alone or with its mate."""

    def all(self) -> Iterator[str]:
        for drop in self.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        yield from work.check_jobs(self)
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from work.check_landing(self)

    # -- each dropped version --

    def _of(self, drop: Drop) -> Iterator[str]:
        upload, there = self.upload(drop), self.there(drop)
        deleted, gone = self.is_deleted(drop), self.is_gone(drop)
        copy = next(iter(self.copies_of(drop)), None)
        if not there and not copy and not deleted:
            yield "it is neither in the landing bucket nor in the archive"
        if upload is None:
            if not gone:
                yield "it has no record"
            return
        state = upload["state"]
        check = {
            "ARCHIVED": self._archived,
            "REJECTED": self._rejected,
            "WITHDRAWN": self._withdrawn,
            "VALIDATED": self._stays,
            "WAITING": self._waits,
        }.get(state)
        if check is None:
            yield f"it ends in {state}"
        else:
            yield from check(drop, upload, there, copy, gone)

    def _archived(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if drop.kind in files.REJECTED:
            yield "a bad file was archived"
        if there and not gone:
            yield "it is archived, and is in the landing bucket as well"
        if copy is None or copy.storage != "DEEP_ARCHIVE":
            yield "it is archived without a copy in Deep Archive"
        yield from self._receipt(drop, upload)
        attempts = self.deciding_attempts(upload)
        if bool(attempts) != (drop.kind != files.RAW):
            yield f"it is archived with {len(attempts)} attempts"
        for attempt in attempts:
            yield from self._predicted(drop, upload, attempt)

    def _receipt(self, drop, upload) -> Iterator[str]:
        receipt = self.json(f"receipts/{upload['id']}.json")
        digest = hashlib.sha256(drop.body).hexdigest()
        if receipt is None:
            yield "it has no receipt"
        elif (receipt["landing"]["sha256"], receipt["archive"].get("sha256")) != (digest, digest):
            yield "its receipt has another checksum"

    def _predicted(self, drop, upload, attempt) -> Iterator[str]:
        if attempt["state"] != "PREDICTED":
            yield f"it was archived with its attempt {attempt['number']} in {attempt['state']}"
            return
        yield from self._results(drop, upload, attempt, "predictions.jsonl")

    def _results(self, drop, upload, attempt, name: str) -> Iterator[str]:
        """Yield violations in the results of an attempt."""
        number = attempt["number"]
        place = f"results/{attempt['analysis']}/{upload['id']}/" + (f"attempt-{number}/" if number > 1 else "")
        rows = self.world.s3.read(self.results.name, place + name)
        if self.json(place + "summary.json") is None or rows is None:
            yield f"{place} has no results"
        elif rows.decode().splitlines() != self._expected(drop, attempt):
            yield f"the results in {place} differ from the predictions of the model"

    def _expected(self, drop, attempt) -> list[str]:
        """Return the rows that the model of the attempt's job predicts for this file's reads."""
        lines = drop.body.decode().splitlines()
        items = [
            {"id": "", "record": name[1:], "start": 0, "sequence": bases[:40]}
            for name, bases in zip(lines[::4], lines[1::4], strict=True)
        ]
        rows = []
        for answer in self._predict(items, attempt):
            (window,) = answer["windows"]
            row = {"record": answer["record"], **window, "call": window["probability"] >= 0.5}
            rows.append(json.dumps(row, separators=(",", ":")))
        return rows

    def _predict(self, items: list[dict], attempt: dict) -> list[dict]:
        """Return the predictions of the model of an attempt's job; nothing if there is no such job."""
        job = self.world.sagemaker.jobs.get(attempt.get("job", ""))
        if job is None:
            return []
        model, _ = model_data(self.world.sagemaker.models[job.request["ModelName"]])
        return list(map(json.loads, predict("\n".join(map(json.dumps, items)).encode(), model).splitlines()))

    def _rejected(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not there and not gone:
            yield "it was rejected, and is no longer in the landing bucket"
        if copy:
            yield "it was rejected and archived"
        if drop.kind not in files.REJECTED and upload.get("reason") not in ("superseded", "other_mate"):
            yield f"a good file was rejected: {upload.get('reason')}"
        if self.json(f"reasons/{upload['id']}.json") is None:
            yield "it was rejected, and reasons/ has no reason"
        yield from self._mailed(drop)

    def _mailed(self, drop) -> Iterator[str]:
        if not self.mails_of(drop.key):
            yield "there was no mail"

    def _withdrawn(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not gone:
            yield "it was withdrawn, and the lab did not delete it"
        if not upload.get("reason"):
            yield "it was withdrawn without a reason"

    def _stays(self, drop, upload, there, copy, gone) -> Iterator[str]:
        """Check that the last attempt of an upload that stays VALIDATED failed, for a reason that the test caused."""
        states = {attempt["state"] for attempt in self.deciding_attempts(upload)}
        if "FAILED" not in states:
            yield f"it stays VALIDATED, with attempts in {sorted(states)}"
        if not there and not gone:
            yield "its attempt failed, and it is no longer in the landing bucket"
        if drop.kind != files.POISONED and not self._excused(upload):
            yield "a good file has no predictions"
        yield from self._mailed(drop)

    def _excused(self, upload) -> bool:
        """Return True if the last job was stopped, or failed with only this upload, or was lost too often."""
        return all(
            is_cause_of_failure(self.world.sagemaker.jobs.get(attempt.get("job")), attempt)
            for attempt in self.deciding_attempts(upload)
        )

    def _waits(self, drop, upload, there, copy, gone) -> Iterator[str]:
        """Check that a waiting upload is a mate. The other is missing, or advanced with an earlier version of it."""
        if gone:
            yield "it waits, and was deleted"
        if drop.kind not in (files.FIRST, files.SECOND):
            yield "it waits, and no other file belongs to it"
            return
        if any(self.state(mate) == "WAITING" for mate in self._mates(drop)):
            yield "it and its mate wait for each other"

    def _mates(self, drop) -> list[Drop]:
        key = drop.key.replace("_R1_", "_R0_").replace("_R2_", "_R1_").replace("_R0_", "_R2_")
        return [drop for drop in self.drops if drop.key == key]


def is_cause_of_failure(job: Job | None, attempt: dict) -> bool:
    """Return True if the end of the job explains why its attempt failed."""
    if job is None:
        return False
    lost = attempt.get("lost", 0) >= MAX_LOST and job.ending in (DIES, DIES_LATE)
    return job.status == "Stopped" or lost or (job.ending == BREAKS and len(job.shards) == 1)
