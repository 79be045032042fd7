"""Many uploads at once: their records and attempts come from a few queries of the ledger's index.

Reading each upload by itself takes two or three requests, so 1,000 of them took half a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ATTEMPT, MOVES, OPEN, UPLOAD
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.ledger.run_record import Run

STATES = tuple(dict.fromkeys(move.target for move in MOVES if move.kind == UPLOAD))
ATTEMPT_STATES = tuple(dict.fromkeys(move.target for move in MOVES if move.kind == ATTEMPT))
NEWEST = 1000  # uploads of each final state that are read unless all are wanted
EVER = "9999"  # later than any time in the ledger


class Listing(Ledger):
    """A ledger that responds from what `load` has read. It is eventually consistent, as the index is.

    Records of runs and sets are read when they are needed, and only once. It is for display; do not write to it.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.table, now)
        self.uploads: dict[str, Upload] = {}
        self.is_complete = True
        self._attempts: dict[str, list[Attempt]] | None = None
        self._runs: dict[str, Run | None] = {}
        self._sets: dict[tuple[str, str], FileSet] = {}

    def load(self, since: str = "", most: int | None = NEWEST) -> None:
        """Read the uploads: those that are open, and of each final state the `most` newest, or (None) all.

        With `since`, read those that have entered their state at this time or later.
        """
        for state in STATES:
            self.uploads |= {upload.id: upload for upload in self._read_state(state, since, most)}

    def _read_state(self, state: str, since: str, most: int | None) -> list[Upload]:
        if since:
            return list(self.in_state(UPLOAD, state, EVER, since))
        if most is None or state in OPEN[UPLOAD]:
            return list(self.in_state(UPLOAD, state))
        uploads = list(self.newest_uploads(state, most + 1))
        self.is_complete &= len(uploads) <= most
        return uploads[:most]

    def load_attempts(self, uploads: Iterable[Upload]) -> None:
        """Read the attempts of these uploads, in a query for each state. Attempts are younger than their upload."""
        since = min((upload.created_at for upload in uploads), default=EVER)
        self._attempts = {}
        for state in ATTEMPT_STATES:
            for attempt in self.attempts_since(state, since):
                self._attempts.setdefault(attempt.upload_id, []).append(attempt)

    # -- what was read --

    def find_upload(self, upload_id: str) -> Upload | None:
        """Return the upload with this id; one that was not loaded is read."""
        return self.uploads.get(upload_id) or super().find_upload(upload_id)

    def attempts(self, upload_id: str) -> list[Attempt]:
        """Return the attempts of an upload, ordered by analysis and number."""
        if self._attempts is None or upload_id not in self.uploads:
            return super().attempts(upload_id)
        return sorted(self._attempts.get(upload_id, []), key=lambda attempt: attempt.keys["sk"])

    def find_run(self, run_id: str) -> Run | None:
        """Return the run with this id."""
        if run_id not in self._runs:
            self._runs[run_id] = super().find_run(run_id)
        return self._runs[run_id]

    def file_set(self, policy: str, name: str) -> FileSet:
        """Return a set of files."""
        if (policy, name) not in self._sets:
            self._sets[policy, name] = super().file_set(policy, name)
        return self._sets[policy, name]
