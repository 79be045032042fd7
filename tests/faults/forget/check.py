"""Invariants of files that were to be forgotten, which hold when nothing moves any more."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

from seqdrop.aws import keys

from tests.faults import work
from tests.faults.bundle.check import BundleCheck
from tests.faults.forget.family import LOCKED, READS
from tests.faults.operators import CANCEL, FORGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.evidence import Drop

ASKED, DONE, REFUSED = "Seqdrop was asked to forget", "Seqdrop forgot", "Seqdrop did not forget"


class ForgetCheck(BundleCheck):
    """What was to be forgotten is gone, with a tombstone; everything else is there, as in the family `bundle`."""

    TWINS = ("ARCHIVED", "FORGETTING", "FORGOTTEN")  # it may be forgotten after the other was removed as its duplicate

    def all(self) -> Iterator[str]:
        yield from super().all()
        yield from work.check_jobs(self)
        yield from self._commands()

    def _checks(self) -> dict[str, Callable[[Drop], Iterator[str]]]:
        return super()._checks() | {"FORGETTING": self._forgetting, "FORGOTTEN": self._forgotten}

    def _was(self, drop: Drop, state: str) -> bool:
        return state in [name for name, _ in self.world.moves[self.id_of(drop)]]

    def _has_copy(self, drop: Drop) -> bool:
        """Return True also for a file whose copy was deleted on request; `world.py` checks each deletion."""
        return super()._has_copy(drop) or self._was(drop, "FORGOTTEN")

    def _archived(self, drop: Drop) -> Iterator[str]:
        yield from super()._archived(drop)
        yield from self._results(drop, are_there=True)
        states = [name for name, _ in self.world.moves[self.id_of(drop)]]
        if drop.kind == LOCKED and "FORGETTING" in states and not self._is_cancelled(drop):
            if not any(subject.startswith(REFUSED) and drop.key in text for subject, text in self.world.mails):
                yield "S3 refused to delete its copy, and there was no mail"
        elif "FORGETTING" in states and not self._is_cancelled(drop):
            yield f"no command took the request back, and its states were {states}"
        if self.json(keys.tombstone(self.id_of(drop))):
            yield "it is archived, and has a tombstone"

    def _is_cancelled(self, drop: Drop) -> bool:
        """Return True if a command took a request back, or may have: its outcome is not known after a crash."""
        id_ = self.id_of(drop)
        commands = [command for command in self.lab.commands if command.folder == CANCEL and id_ in command.upload_ids]
        return any(command.has_done(id_) or id_ in command.unsure for command in commands)

    def _forgetting(self, drop: Drop) -> Iterator[str]:
        """Check that a file that still waits is in a bundle with one that is kept."""
        receipt = self.receipts[drop]
        if not receipt or not self._has_copy(drop):
            yield "it waits for its deletion, and its copy is gone"
            return
        beside = [other for other in self.drops if self._is_in(other, receipt["archive"]["key"])]
        if "bundle" not in receipt["archive"] or all(self.state(other) == "FORGETTING" for other in beside):
            yield "it waits for its deletion, and nothing is kept beside it"

    def _is_in(self, drop: Drop, tar: str) -> bool:
        return (self.upload(drop) or {}).get("archive_key") == tar

    def _forgotten(self, drop: Drop) -> Iterator[str]:
        id_, receipt = self.id_of(drop), self.receipts[drop]
        tombstone, body = self.json(keys.tombstone(id_)), self.world.s3.read(self.results.name, keys.receipt(id_))
        if self._objects_of(drop) or self._tars_of(drop):
            yield "it is forgotten, and its copy is there"
        if not tombstone or not receipt:
            yield f"it is forgotten, and its tombstone and receipt are {tombstone} and {receipt}"
            return
        digest = hashlib.sha256(body).hexdigest()
        if (tombstone["archive"], tombstone["receipt"]["sha256"]) != (receipt["archive"], digest):
            yield "its tombstone names another copy or receipt"
        if tombstone["reason"] != "end of project" or not tombstone["asked_at"] <= tombstone["due_at"]:
            yield f"its tombstone is {tombstone}"
        yield from self._results(drop, are_there=not tombstone["results"])
        if not any(subject.startswith(DONE) and id_ in text for subject, text in self.world.mails):
            yield "it is forgotten, and there was no mail"

    def _results(self, drop: Drop, are_there: bool) -> Iterator[str]:
        place = keys.upload_results("reads", self.id_of(drop))
        if drop.kind == READS and are_there != any(key.startswith(place) for key in self.results.keys):
            yield f"its results are {'gone' if are_there else 'there'}"

    def _bundles(self, listed: list[str]) -> Iterator[str]:
        """Check that the report of the run lists all tars; those that were deleted stay in it."""
        if missing := set(self.tars) - set(listed):
            yield f"its report lacks {sorted(missing)}"

    def _commands(self) -> Iterator[str]:
        """Check that what a command reports has happened, and that each request was mailed before."""
        for command in self.lab.commands:
            done = [id_ for id_ in command.upload_ids if command.has_done(id_)] if command.folder in FORGETS else []
            for id_ in done:
                states = [name for name, _ in self.world.moves[id_]]
                is_back = ("FORGETTING", "ARCHIVED") in itertools.pairwise(states)
                if "FORGETTING" not in states or (command.folder == CANCEL and not is_back):
                    yield f"{command.folder} {id_} was done, and its states are {states}"
                asked = [text for subject, text in self.world.mails if subject.startswith(ASKED) and id_ in text]
                if not asked:
                    yield f"{id_} was to be forgotten, and there was no mail"
