"""Invariants of files that belong together, which hold when nothing moves any more.

The rules (`check_*.py`, one module for each area) derive the expected outcome from the files that were dropped, and
when. It is compared with states, objects in buckets, receipts, jobs and mails. Records of pairs, sets and runs are not
read.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ATTEMPT, DONE, ENDS

from tests.faults import work
from tests.faults.invariants import Check, is_cause_of_failure
from tests.faults.sets import check_masks, check_runs, check_trainings, commands, masks, runs, trainings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop

OWN_FAULT = masks.OWN_FAULT | runs.OWN_FAULT | {trainings.BAD_JOB: "bad_job"}
POISONED = frozenset({masks.POISONED, runs.POISONED})
RULES = {kind: area for area in (check_masks, check_runs, check_trainings) for kind in area.KINDS}


class SetsCheck(Check):
    """The invariants of masks, gated runs and trainings."""

    def all(self) -> Iterator[str]:
        for drop in self.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        for area in (check_masks, check_runs, check_trainings):
            yield from area.check_all(self)
        yield from commands.check_all(self)
        yield from work.check_jobs(self, commands.maybe_replayed(self))
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from work.check_landing(self)
        yield from self._check_mails()

    # -- each dropped version, by its state --

    def _of(self, drop: Drop) -> Iterator[str]:
        """Yield the violations of a drop. Half of the markers are empty, so a second one may repeat the first."""
        if drop.kind in runs.MARKERS and self.state(drop) == "DUPLICATE":
            twins = (other for other in self.drops if (other.key, other.body) == (drop.key, drop.body))
            if "ARCHIVED" not in map(self.state, twins):
                yield "it is a duplicate, and no equal marker is archived"
        else:
            yield from super()._of(drop)

    def _archived(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if drop.kind in OWN_FAULT:
            yield "a bad file was archived"
        if there and not gone:
            yield "it is archived, and is in the landing bucket as well"
        if copy is None or copy.storage != "DEEP_ARCHIVE":
            yield "it is archived without a copy in Deep Archive"
        if len(self.copies_of(drop)) > 1:
            yield "it was archived twice"
        yield from self._receipt(drop, upload)
        yield from self._check_results(drop, upload)
        yield from RULES[drop.kind].check_advanced(self, drop, upload)

    def _check_results(self, drop: Drop, upload: dict) -> Iterator[str]:
        """Check that an archived upload or its set has results or a model, or that a person released it."""
        history, receipt = self.history(upload), self.json(f"receipts/{upload['id']}.json") or {}
        if "predictions" in receipt and upload["id"] not in commands.maybe_released(self):
            yield "its receipt says that a person released it, which is wrong"
        if (drop.kind in runs.WITHOUT_MODEL) == bool(history):
            yield f"it is archived with {len(history)} attempts"
        if not history:
            return
        done = any(attempt["state"] in DONE for attempt in history)
        if not done and "predictions" not in receipt:
            yield f"it was archived with its attempt {history[-1]['number']} in {history[-1]['state']}"
        if history[-1]["state"] == "FAILED" and not self._failed_rightly(drop, history[-1]):
            yield "a good file has no predictions of its last attempt"
        if history[-1]["state"] not in ENDS[ATTEMPT]:
            yield f"its attempt {history[-1]['number']} ends in {history[-1]['state']}"
        yield from self._results_of_all(drop, upload)

    def _results_of_all(self, drop: Drop, upload: dict) -> Iterator[str]:
        for attempt in self.attempts[upload["id"]]:
            if attempt["state"] == "PREDICTED":
                name = "fills.jsonl" if drop.kind in masks.KINDS else "predictions.jsonl"
                yield from self._results(drop, upload, attempt, name)

    def _expected(self, drop: Drop, attempt: dict) -> list[str]:
        if drop.kind not in masks.KINDS:
            return super()._expected(drop, attempt)
        bed = check_masks.find_bed(self, attempt)
        return check_masks.make_rows(self._predict(masks.items(drop, bed), attempt))

    def _stays(self, drop, upload, there, copy, gone) -> Iterator[str]:
        """Check that an upload that stays VALIDATED waits for its run, or that its last attempt failed."""
        history = self.history(upload)
        if check_runs.is_gated(drop, history):
            yield from check_runs.check_gated(self, drop)
            return
        last = history[-1] if history else {"state": "none", "number": 0}
        if last["state"] != "FAILED":
            yield f"it stays VALIDATED, with its last attempt in {last['state']}"
            return
        if upload.get("released_at"):
            yield "it was released, and was not archived"
        taken_over = copy and drop.kind in trainings.KINDS  # a later training claimed it while it was being archived
        if not there and not gone and not taken_over:
            yield "its attempt failed, and it is no longer in the landing bucket"
        if not self._failed_rightly(drop, last):
            yield "a good file has no predictions"
        head = self.uploads[last["upload_id"]]
        texts = (f"(upload {head['id']})", f"attempt {last['number']}")
        if head["state"] != "WITHDRAWN" and not any(
            all(item in text for item in texts) for _, text in self.world.mails
        ):
            yield "there was no mail"
        yield from self._results_of_all(drop, upload)
        yield from RULES[drop.kind].check_advanced(self, drop, upload)

    def _failed_rightly(self, drop: Drop, attempt: dict) -> bool:
        """Return True if the attempt's job, its file or an act of the lab explains why it failed."""
        head = next(drop for drop in self.drops if self.id_of(drop) == attempt["upload_id"])
        if self.state(head) == "WITHDRAWN":
            return True
        if head.kind in trainings.KINDS:
            return check_trainings.failed_rightly(self, head, attempt)
        job = self.world.sagemaker.jobs.get(attempt.get("job"))
        return head.kind in POISONED or is_cause_of_failure(job, attempt)

    def _waits(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if gone:
            yield "it waits, and was deleted"
        if not any(drop.key in text and "waits for" in subject for subject, text in self.world.mails):
            yield "it waits for days, and there was no mail"
        yield from RULES[drop.kind].check_waiting(self, drop)

    def _rejected(self, drop, upload, there, copy, gone) -> Iterator[str]:
        code, reason = upload.get("reason"), self.json(f"reasons/{upload['id']}.json")
        if not there and not gone:
            yield "it was rejected, and is no longer in the landing bucket"
        if copy:
            yield "it was rejected and archived"
        # The reason is written before the ledger: a slower invocation may overwrite the reason after the quicker one
        # has written the ledger.
        if reason is None or (reason["code"] != code and not self.disturbed):
            yield f"it was rejected as {code}, and reasons/ says {reason and reason['code']}"
        mails = len(self.mails_of(f"reasons/{upload['id']}.json"))
        if not 1 <= mails <= 1 + self.disturbed:
            yield f"there were {mails} mails about its rejection"
        if code == OWN_FAULT.get(drop.kind):
            return
        if code == "superseded":
            if not self._newer(drop):
                yield "it was superseded, and there was no newer version"
        else:
            yield from RULES[drop.kind].check_rejected(self, drop, upload)

    def _newer(self, drop: Drop) -> bool:
        """Return True if a later version of the key could replace it."""
        later = (other for other in self.drops if other.key == drop.key and other.number > drop.number)
        return any(drop.kind not in OWN_FAULT for drop in later)

    # -- mails --

    def _check_mails(self) -> Iterator[str]:
        """Check that each mail was sent once, or at most once more for each fault of the schedule."""
        for (subject, _), count in Counter(self.world.mails).items():
            if count > 1 + self.disturbed:
                yield f"there were {count} equal mails: {subject}"
        if self.disturbed:
            return  # a mail may be about a rejection that another invocation prevented
        for subject, text in self.world.mails:
            if "rejected" in subject and not any(drop.key in text and self.reason(drop) for drop in self.drops):
                yield f"there was a mail, and nothing was rejected: {subject}"
