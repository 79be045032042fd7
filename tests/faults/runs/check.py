"""Invariants of each file of a run, which hold when nothing moves any more.

The expected outcome follows from the files that were dropped, and when (world.py, rules.py). It is compared with
objects, receipts and mails. check_folders.py has the invariants of each run folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.run_record import run_id, run_keys

from tests.faults import work
from tests.faults.invariants import Check, is_cause_of_failure
from tests.faults.runs import folders as f
from tests.faults.runs import rules
from tests.faults.runs.world import ROOTS, root_of
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop


class FilesCheck(Check):
    """The invariants of each dropped file, and of all mails."""

    def all(self) -> Iterator[str]:
        self.world.note_complete()
        for drop in self.drops:
            for fault in self._of(drop):
                yield f"{drop.kind} {drop.key} ({drop.version_id}): {fault}"
        yield from work.check_jobs(self)
        yield from work.check_messages(self)
        yield from work.check_receipts(self)
        yield from work.check_landing(self)
        yield from self._unexpected_mails()

    # -- each dropped file --

    def _of(self, drop: Drop) -> Iterator[str]:
        upload, there, gone = self.upload(drop), self.there(drop), self.is_gone(drop)
        copies = self.copies_of(drop)
        if not there and not self.is_deleted(drop) and not any(self.copies_of(other) for other in self._equals(drop)):
            yield "it is neither in the landing bucket nor in the archive"
        if len(copies) > 1:
            yield f"it has {len(copies)} copies"
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
        }
        if upload["state"] not in checks:
            yield f"it ends in {upload['state']}"
        else:
            yield from checks[upload["state"]](drop, upload, there, next(iter(copies), None), gone)

    def _equals(self, drop: Drop) -> list[Drop]:
        return [other for other in self.drops if (other.key, other.body) == (drop.key, drop.body)]

    def _archived(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if f.FILES[drop.kind].is_bad:
            yield "a bad file was archived"
        if there and not gone:
            yield "it is archived, and is in the landing bucket as well"
        if copy is None or copy.storage != "DEEP_ARCHIVE":
            yield "it is archived without a copy in Deep Archive"
        yield from self._receipt(drop, upload)
        yield from self._listed(drop, self.json(f"receipts/{upload['id']}.json") or {})
        for attempt in self.deciding_attempts(upload):
            yield from self._predicted(drop, upload, attempt)
        is_scored = f.area_of(drop.kind) == f.SCORED and drop.key.endswith(".fastq")
        if is_scored != bool(self.attempts[upload["id"]]):
            yield f"it is archived with {len(self.attempts[upload['id']])} attempts"

    def _listed(self, drop: Drop, receipt: dict) -> Iterator[str]:
        """Check what the receipt says of a file and a checksum list that both landed before the run was complete."""
        listed = receipt.get("checksum_list")
        digests = self._digests(drop, self.drops)
        if listed and listed["value"] not in digests:
            yield f"its receipt says that a list has {listed['value']}"
        certain = self._certain_lists(drop)
        if self._digests(drop, certain) and not listed:
            yield "a list agrees with it, and its receipt does not say so"
        if self._differs(drop, certain):
            yield "a list has another checksum, and it was archived"

    def _certain_lists(self, drop: Drop) -> list[Drop]:
        """Return the lists that are compared for certain: they and the file were dropped once, before they advance."""
        root = root_of(drop.key)
        lists = [other for other in self.drops if root_of(other.key) == root and f.FILES[other.kind].lists]
        if not self.is_plain(drop) or any(self.is_gone(other) for other in lists):
            return []
        return [other for other in lists if self.is_plain(other) and not self._is_late(other, drop)]

    def is_plain(self, drop: Drop) -> bool:
        """Return True if the only version of its key landed before its folder was complete, and was not deleted."""
        versions = [other for other in self.drops if other.key == drop.key]
        return len(versions) == 1 and not self.is_gone(drop) and not self._is_late(drop, drop)

    def _is_late(self, drop: Drop, other: Drop) -> bool:
        """Return True if a drop landed after a folder was complete that releases the other drop of its run."""
        folders = rules.releasing(other.key.removeprefix(root_of(other.key)))
        return not self.world.before[self.id_of(drop)].isdisjoint(folders)

    def _values(self, drop: Drop, lists: list[Drop]) -> set[str]:
        name = drop.key.removeprefix(root_of(drop.key))
        same = [other for other in lists if root_of(other.key) == root_of(drop.key)]
        return {value for other in same if (value := f.FILES[other.kind].lists.get(name))}

    def _digests(self, drop: Drop, lists: list[Drop]) -> set[str]:
        """Return the checksums that lists have of a file and that are right."""
        return self._values(drop, lists) & f.digests(drop.body)

    def _differs(self, drop: Drop, lists: list[Drop]) -> bool:
        return bool(self._values(drop, lists) - f.digests(drop.body))

    def _duplicate(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if there and not gone:
            yield "it is a duplicate, and is in the landing bucket"
        twins = [other for other in self._equals(drop) if self.id_of(other) == upload.get("duplicate_of")]
        if [self.state(twin) for twin in twins] != ["ARCHIVED"]:
            yield f"it is a duplicate of {[self.state(twin) for twin in twins]}"

    def _rejected(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not there and not gone:
            yield "it was rejected, and is no longer in the landing bucket"
        if copy:
            yield "it was rejected and archived"
        if self.json(f"reasons/{upload['id']}.json") is None:
            yield "it was rejected, and reasons/ has no reason"
        root, name = root_of(drop.key), drop.key.removeprefix(root_of(drop.key))
        named = any(drop.key in text or (root in text and f"  {name} (" in text) for _, text in self.world.mails)
        if self.record(root).get("state") == "ARCHIVED" and not gone and not named:
            yield "it was rejected, its run is archived, and no mail names it"
        bad = f.FILES[drop.kind].is_bad
        if upload.get("reason") != ("length_mismatch" if bad else "checksum_differs"):
            yield f"it was rejected: {upload.get('reason')}"
        elif not bad and not self._differs(drop, self.drops):
            yield "no list has another checksum of it"

    def _withdrawn(self, drop, upload, there, copy, gone) -> Iterator[str]:
        if not gone:
            yield "it was withdrawn, and the lab did not delete it"

    def _stays(self, drop, upload, there, copy, gone) -> Iterator[str]:
        """Check that a file that stays VALIDATED waits for its run, or that its last attempt failed."""
        if gone and not there:
            yield "it waits, and was deleted"
        attempts = self.history(upload)
        if attempts and attempts[-1]["state"] != "PLANNED":
            job = self.world.sagemaker.jobs.get(attempts[-1].get("job"))
            if attempts[-1]["state"] != "FAILED" or not is_cause_of_failure(job, attempts[-1]):
                yield f"it stays VALIDATED, with its attempt in {attempts[-1]['state']}"
            return
        root = root_of(drop.key)
        complete = self.complete_now(root) | set(self.record(root).get("complete", []))
        if not complete.isdisjoint(rules.releasing(drop.key.removeprefix(root))):
            yield "it waits for its run, which is complete"

    # -- the run of a file --

    def record(self, root: str) -> dict:
        keys = run_keys(run_id(self.landing.name, root))
        item = self.world.table.items.get((keys["pk"], keys["sk"]))
        return {name: to_python(value) for name, value in item.items()} if item else {}

    def complete_now(self, root: str) -> set[str]:
        there, before = rules.present(self.landing, root), set(self.record(root).get("complete", []))
        return rules.find_complete(ROOTS[root], there, self.world.clock.now, before)

    def _unexpected_mails(self) -> Iterator[str]:
        """Check that each mail is about a run or a prediction that failed, or about a file that came too late."""
        late = [drop for drop in self.drops if self.is_gone(drop) or self._is_late(drop, drop)]
        rejected = [drop for drop in late if self.reason(drop)]
        for subject, text in self.world.mails:
            if "rejected" in subject and not any(drop.key in text for drop in rejected):
                yield f"there was a mail, and no file came too late: {subject}"
            if (
                "rejected" not in subject
                and " of the receipts" not in subject
                and " run " not in subject
                and "predict" not in f"{subject}{text}"
            ):
                yield f"there was a mail: {subject}"
