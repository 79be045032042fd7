"""Where uploads stand, as the ledger tells it: for tables, plain lines and summaries alike."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.mate_names import parse

WAITING, BUSY, DONE, SKIPPED, BAD = "waiting", "busy", "done", "skipped", "bad"


@dataclass(frozen=True)
class Progress:
    """One upload's way through validate, predict and archive. `upload` is None until its event was taken."""

    upload_id: str
    key: str
    size: int
    upload: Upload | None
    attempts: list[Attempt]

    @property
    def state(self) -> str:
        """One word: the upload's state, or that of its attempt while that is what happens."""
        if self.upload is None:
            return "LANDED"
        if self.upload.state == "VALIDATED" and self.attempts:
            return self.attempts[-1].state
        return self.upload.state

    @property
    def ended(self) -> bool:
        return self.state in ("ARCHIVED", "REJECTED", "WITHDRAWN", "FAILED")

    @property
    def waits_for(self) -> str:
        """The key of the mate that an upload in WAITING waits for; else empty."""
        return parse(self.upload.key).partner if self.state == "WAITING" else ""

    @property
    def detail(self) -> str:
        """What the state is about: the fault, the job, the mate, or the number of records."""
        if self.upload is None:
            return ""
        if self.state == "FAILED":
            return self.attempts[-1].reason
        if self.state == "SUBMITTED":
            return self.attempts[-1].job
        if self.waits_for:
            return f"for its mate {posixpath.basename(self.waits_for)}"
        return self.upload.reason or (f"{self.upload.records:,} records" if self.upload.records else "")

    @property
    def steps(self) -> tuple[str, str, str]:
        """The standing of validate, predict and archive."""
        return _STEPS.get(self.state, (WAITING, WAITING, WAITING)) if self._has_model else self._raw_steps()

    @property
    def _has_model(self) -> bool:
        return bool(self.attempts) or self.state in ("LANDED", "RECEIVED", "WAITING", "REJECTED", "WITHDRAWN")

    def _raw_steps(self) -> tuple[str, str, str]:
        return (DONE, SKIPPED, DONE if self.state == "ARCHIVED" else BUSY)


_STEPS = {
    "LANDED": (WAITING, WAITING, WAITING),
    "RECEIVED": (BUSY, WAITING, WAITING),
    "WAITING": (DONE, WAITING, WAITING),
    "REJECTED": (BAD, SKIPPED, SKIPPED),
    "WITHDRAWN": (SKIPPED, SKIPPED, SKIPPED),
    "PLANNED": (DONE, WAITING, WAITING),
    "SUBMITTED": (DONE, BUSY, WAITING),
    "FAILED": (DONE, BAD, SKIPPED),
    "PREDICTED": (DONE, DONE, BUSY),
    "ARCHIVED": (DONE, DONE, DONE),
}


def at_rest(all_of_them: list[Progress]) -> bool:
    """Whether nothing more happens to these by itself: each has ended, or waits for a mate that is not among them."""
    coming = {parse(one.key).pair for one in all_of_them if not one.ended and not one.waits_for and parse(one.key)}
    return all(one.ended or (one.waits_for and parse(one.key).pair not in coming) for one in all_of_them)


def progress(ledger: Ledger, upload_id: str, key: str, size: int) -> Progress:
    """Read one upload's standing."""
    upload = ledger.upload(upload_id)
    return Progress(upload_id, key, size, upload, ledger.attempts(upload_id) if upload else [])
