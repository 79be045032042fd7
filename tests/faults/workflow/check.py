"""Invariants of workflows, which hold when nothing moves any more."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.ledger import moves
from seqdrop.stages.workflow.ending import MAX_LOST

from tests.faults import work
from tests.faults.evidence import Drop, Evidence
from tests.faults.workflow.family import FIRST, SECOND, SHEET
from tests.support.aws.omics import COMPLETES, LOST

if TYPE_CHECKING:
    from collections.abc import Iterator

# Reasons that follow from what the lab did with the files.
GONE = ("newer version", "replaced", "deleted", "not in the landing bucket", "was not accepted", "incomplete")


class WorkflowCheck(Evidence):
    """Each file gets the outputs of a run that read its bytes, or a mail; nothing runs twice, no sheet is lost."""

    def all(self) -> Iterator[str]:
        for drop in self.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        yield from self._of_runs()
        yield from self._of_jobs()
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from work.check_landing(self)

    def _of(self, drop: Drop) -> Iterator[str]:
        upload = self.upload(drop)
        if upload is None:
            if not self.is_gone(drop):
                yield "it has no record"
            return
        if not self.there(drop) and not self.copies_of(drop) and not self.is_deleted(drop):
            yield "it is neither in the landing bucket nor in the archive"
        for before, attempt in zip([None, *self.attempts[upload["id"]]], self.attempts[upload["id"]], strict=False):
            if before and before["state"] == "PREDICTED":
                yield f"attempt {attempt['number']} follows one that succeeded"
        states = {
            "ARCHIVED": self._archived,
            "VALIDATED": self._stays,
            "WAITING": self._waits,
            "REJECTED": self._rejected,
            "WITHDRAWN": self._withdrawn,
        }
        if upload["state"] not in states:
            yield f"it ends in {upload['state']}"
        else:
            yield from states[upload["state"]](drop, upload)

    def _archived(self, drop: Drop, upload: dict) -> Iterator[str]:
        attempts = self.deciding_attempts(upload)
        if not self.copies_of(drop):
            yield "it is archived without a copy"
        if [attempt["state"] for attempt in attempts] != ["PREDICTED"]:
            yield f"it is archived with attempts {[attempt['state'] for attempt in attempts]}"
            return
        number = attempts[0]["number"]
        place = f"results/{attempts[0]['analysis']}/{upload['id']}/" + (f"attempt-{number}/" if number > 1 else "")
        summary = self.json(place + "summary.json")
        if summary is None:
            yield f"{place} has no summary"
        elif drop.kind == SHEET:
            yield from self._handed_over(drop, summary)
        else:
            yield from self._computed(drop, summary)

    def _computed(self, drop: Drop, summary: dict) -> Iterator[str]:
        uri, digest = f"s3://{self.landing.name}/{drop.key}", hashlib.sha256(drop.body).hexdigest()
        outputs = [output["uri"] for output in summary["outputs"]["first"]]
        if len(outputs) != 1:
            yield f"its summary has the outputs {outputs}"
            return
        bucket, _, key = outputs[0].removeprefix("s3://").partition("/")
        read = json.loads(self.world.s3.read(bucket, key) or b"{}")
        if read.get(uri) != digest and not self._was_put_back(drop):
            yield "its outputs are of other bytes"
        if len(read) != (2 if drop.kind in (FIRST, SECOND) else 1):
            yield f"its run read {len(read)} files"

    def _was_put_back(self, drop: Drop) -> bool:
        """Return True if another version of the file landed and was deleted again (docs/limits.md)."""
        return any(other.key == drop.key and other != drop and self.is_gone(other) for other in self.drops)

    def _handed_over(self, drop: Drop, summary: dict) -> Iterator[str]:
        events = [event for event in self.world.events.emitted if event["Detail"]["id"] == summary["job"]]
        if not events or (len(events) > 1 and not self.disturbed):
            yield f"{len(events)} events about its sample sheet"
        sheet = summary["workflow"]["samplesheet"].removeprefix(f"s3://{self.results.name}/")
        text = (self.world.s3.read(self.results.name, sheet) or b"").decode()
        if f"s3://{self.landing.name}/{drop.key}," not in text:
            yield "its sample sheet does not name it"
        if not self.there(drop) and not self.is_gone(drop) and self.upload(drop).get("kept_until"):
            yield "it left before its days were over"

    def _stays(self, drop: Drop, upload: dict) -> Iterator[str]:
        attempts = self.deciding_attempts(upload)
        if [attempt["state"] for attempt in attempts] != ["FAILED"]:
            yield f"it stays VALIDATED with attempts {[attempt['state'] for attempt in attempts]}"
            return
        if not self._excused(drop, attempts[0]):
            yield f"a good file has no outputs: {attempts[0].get('reason')}"
        if not self.mails_of(drop.key):
            yield "there was no mail"

    def _excused(self, drop: Drop, attempt: dict) -> bool:
        pair = {drop.key, drop.key.replace("_R1_", "_R2_"), drop.key.replace("_R2_", "_R1_")}
        beside = [other for other in self.drops if other.key in pair]
        was_changed = len(beside) > len({other.key for other in beside}) or any(map(self.is_gone, beside))
        if was_changed and any(word in attempt["reason"] for word in GONE):
            return True
        runs = [run for run in self.world.omics.runs if run.name == attempt.get("job")]
        return any(
            run.id in self.world.cancelled
            or (run.ending != COMPLETES and (run.ending != LOST or attempt.get("lost", 0) >= MAX_LOST))
            for run in runs
        )

    def _waits(self, drop: Drop, upload: dict) -> Iterator[str]:
        if drop.kind not in (FIRST, SECOND):
            yield "it waits, and no other file belongs to it"

    def _rejected(self, drop: Drop, upload: dict) -> Iterator[str]:
        if upload.get("reason") not in ("superseded", "other_mate"):
            yield f"a good file was rejected: {upload.get('reason')}"

    def _withdrawn(self, drop: Drop, upload: dict) -> Iterator[str]:
        if not self.is_gone(drop):
            yield "it was withdrawn, and the lab did not delete it"

    def _of_runs(self) -> Iterator[str]:
        names = Counter(run.name for run in self.world.omics.runs)
        yield from (f"{count} runs of {name}" for name, count in names.items() if count > 1)
        yield from (f"{run.id} runs, and has no record" for run in self.world.omics.runs if run.name not in self.jobs)
        if self.world.omics.throttled > 3 * self.disturbed:
            yield f"{self.world.omics.throttled} starts were throttled, and {self.disturbed} things went wrong"

    def _of_jobs(self) -> Iterator[str]:
        members = Counter(member for job in self.jobs.values() for member in job["members"])
        yield from (f"{member} is in {count} jobs" for member, count in members.items() if count > 1)
        for job in self.jobs.values():
            if job["state"] not in moves.ENDS[moves.JOB]:
                yield f"job {job['name']} ends in {job['state']}"
