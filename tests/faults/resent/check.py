"""Invariants of files that are sent again, which hold when nothing moves any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import work
from tests.faults.invariants import Check, is_cause_of_failure
from tests.faults.resent.family import MASKS, MATES, ON_PURPOSE
from tests.faults.sets import check_runs, masks, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop

REASONS = frozenset({"superseded", "other_mate", "bed_late", *masks.TOGETHER})


class ResentCheck(Check):
    """The invariants of each dropped version, from the versions of the same bytes under the same key."""

    def all(self) -> Iterator[str]:
        for drop in self.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        yield from work.check_jobs(self)
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from work.check_landing(self)

    def _of(self, drop: Drop) -> Iterator[str]:
        upload, there, gone = self.upload(drop), self.there(drop), self.is_gone(drop)
        is_lost = (drop.key, drop.body) in self.lab.lost_copies
        if not there and not self.is_deleted(drop) and not self._has_copy(drop) and not is_lost:
            yield "it is neither in the landing bucket nor in the archive"
        if upload is None:
            if not gone:
                yield "it has no record"
            return
        checks = {
            "ARCHIVED": self._archived,
            "DUPLICATE": self._duplicate,
            "REJECTED": self._rejected,
            "WITHDRAWN": self._withdrawn,
            "VALIDATED": self._stays,
            "WAITING": self._waits,
        }
        if upload["state"] not in checks:
            yield f"it ends in {upload['state']}"
        else:
            copy = next(iter(self.copies_of(drop)), None)
            yield from checks[upload["state"]](drop, upload, there, copy, gone)

    def _equals(self, drop: Drop) -> list[Drop]:
        """Return the other drops of the same bytes under the same key."""
        return [other for other in self.drops if other is not drop and (other.key, other.body) == (drop.key, drop.body)]

    def _has_copy(self, drop: Drop) -> bool:
        return any(self.copies_of(other) for other in (drop, *self._equals(drop)))

    def _archived(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if there and not gone:
            yield "it is archived, and is in the landing bucket as well"
        if copy is None and (drop.key, drop.body) not in self.lab.lost_copies:
            yield "it is archived without a copy in Deep Archive"
        if self.json(f"receipts/{upload['id']}.json") is None:
            yield "it has no receipt"
        for attempt in self.deciding_attempts(upload):
            if attempt["state"] != "PREDICTED":
                yield f"it is archived with its attempt {attempt['number']} in {attempt['state']}"

    def _duplicate(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if drop.kind.endswith(ON_PURPOSE):
            yield "it was sent again on purpose, and is a duplicate"
        if there and not gone:
            yield "it is a duplicate, and is in the landing bucket"
        twins = [other for other in self._equals(drop) if self.id_of(other) == upload.get("duplicate_of")]
        if not twins or self.state(twins[0]) != "ARCHIVED":
            yield f"it is a duplicate of {twins and self.state(twins[0])}"
        elif drop.kind not in MASKS and self.attempts[upload["id"]] and self._was_archived(drop, twins[0], upload):
            yield "its twin was archived before it landed, and it has an attempt"

    def _was_archived(self, drop: Drop, twin: Drop, upload: dict) -> bool:
        """Return True if the twin was archived before the upload landed, with a copy that was never lost."""
        archived_at = self.upload(twin)["timeline"]["ARCHIVED"]
        return archived_at < upload["created_at"] and (drop.key, drop.body) not in self.lab.lost_copies

    def _rejected(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not there and not gone:
            yield "it was rejected, and is no longer in the landing bucket"
        if upload.get("reason") not in REASONS:
            yield f"a good file was rejected: {upload.get('reason')}"

    def _stays(self, drop, upload, there, copy, gone) -> Iterator[str]:
        attempts = self.history(upload)
        if upload.get("duplicate_of"):
            yield "it is a duplicate that was not removed"
        elif check_runs.is_gated(drop, attempts):
            yield from self._gated(drop)
        elif not attempts or attempts[-1]["state"] != "FAILED":
            yield f"it stays VALIDATED, with attempts in {[attempt['state'] for attempt in attempts]}"
        elif not is_cause_of_failure(self.world.sagemaker.jobs.get(attempts[-1].get("job")), attempts[-1]):
            yield from self._failed(attempts[-1])

    def _failed(self, attempt: dict) -> Iterator[str]:
        """Check that the upload of a failed attempt without a job was withdrawn."""
        if self.uploads[attempt["upload_id"]]["state"] != "WITHDRAWN":
            yield "a good file has no predictions"

    def _gated(self, drop: Drop) -> Iterator[str]:
        markers = [other for other in self.drops if other.kind == runs.MARKER and other.folder == drop.folder]
        if any(self.state(marker) in ("ARCHIVED", "DUPLICATE") for marker in markers):
            yield "it waits for its run, which is complete"

    def _waits(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if gone:
            yield "it waits, and was deleted"
        if drop.kind.removesuffix(ON_PURPOSE) not in (*MATES, *MASKS):
            yield "it waits, and no other file belongs to it"
        if drop.kind.endswith(ON_PURPOSE) or (drop.key, drop.body) in self.lab.lost_copies:
            return
        if any(self.state(other) == "ARCHIVED" for other in self._equals(drop)):
            yield "it waits for ever, and its bytes are archived"
