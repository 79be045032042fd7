"""Where uploads stand, as the ledger tells it: for tables, plain lines and summaries alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import InvalidFileError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.moves import DONE as REACHED
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.routing import is_held
from seqdrop.stages.start_processing.processing_job import is_final, last_job

if TYPE_CHECKING:
    from seqdrop.ledger.table import Ledger
    from seqdrop.stages.assemble.policy import Awaited

WAITING, BUSY, DONE, SKIPPED, BAD = "waiting", "busy", "done", "skipped", "bad"


@dataclass(frozen=True)
class Progress:
    """One upload's way through validate, predict and archive. `upload` is None until its event was taken.

    `key` is how it is shown. `job` is the one that examines it, if it is too large for a Lambda. `held` says that it
    waits for its run. `group` is what it shares with the uploads that it may wait for, and `awaited` what it waits for.
    """

    upload_id: str
    key: str
    size: int
    upload: Upload | None
    attempts: list[Attempt]
    job: Job | None = None
    held: bool = False
    group: str = ""
    awaited: Awaited | None = None

    @property
    def state(self) -> str:
        """One word: the upload's state, or that of its attempt or job while that is what happens."""
        if self.upload is None:
            return "LANDED"
        if self.upload.state == "RECEIVED" and self.job:
            return self._examined
        if self.held:
            return "WAITING"
        if (self.upload.state == "VALIDATED" and self.attempts) or self._replayed:
            return self.attempts[-1].state
        return self.upload.state

    @property
    def _replayed(self) -> bool:
        """Whether it is archived, and a later attempt is under way or failed: that is what there is to tell of it."""
        last = self.attempts[-1] if self.upload.state == "ARCHIVED" and self.attempts else None
        return last is not None and last.state not in REACHED and not self.upload.released_at

    @property
    def ended(self) -> bool:
        return self.state in ("ARCHIVED", "REJECTED", "WITHDRAWN", "FAILED", "UNEXAMINED")

    @property
    def waits_for(self) -> str:
        """The group whose files one in WAITING waits for: a folder, or what they have in common; else empty."""
        waits = self.held or (self.upload is not None and self.upload.state == "WAITING")
        return self.group if waits else ""  # an attempt that waits for a job slot needs no file

    @property
    def detail(self) -> str:
        """What the state is about: the fault, the job, the mate, or the number of records."""
        if self.upload is None:
            return ""
        if self.upload.state == "RECEIVED" and self.job:
            return self.job.reason or self.job.name
        if self.state == "FAILED":
            return f"{self._numbered}{self.attempts[-1].reason}"
        if self.state == "SUBMITTED":
            return f"{self._numbered}{self.attempts[-1].job}"
        if self.held:
            return f"for the marker of its run, in {self.waits_for}"
        if self.awaited:
            return f"for {self.awaited.short}"
        if self.upload.released_at:
            return "released without predictions"
        if self.state == "WAITING" and self.attempts:
            return f"{self._numbered}for a free job slot"
        told = self.upload.reason or (f"{self.upload.records:,} records" if self.upload.records else "")
        return f"{self._numbered}{told}"

    @property
    def _numbered(self) -> str:
        """Of an attempt beyond the first, which it is."""
        number = self.attempts[-1].number if self.attempts else 1
        return f"attempt {number}: " if number > 1 else ""

    @property
    def steps(self) -> tuple[str, str, str]:
        """The standing of validate, predict and archive."""
        if self.upload and self._replayed:
            return (DONE, _STEPS[self.state][1], DONE)
        if self.upload and self.upload.released_at:
            return (DONE, BAD, DONE if self.state == "ARCHIVED" else BUSY)
        return _STEPS.get(self.state, (WAITING, WAITING, WAITING)) if self._has_model else self._raw_steps()

    @property
    def _examined(self) -> str:
        """RECEIVED between two jobs; UNEXAMINED if the lab was told that none will come."""
        if self.job.state in OPEN[JOB]:
            return "EXAMINING"
        return "UNEXAMINED" if self.job.state != "DONE" and is_final(self.job, self.job.state) else "RECEIVED"

    @property
    def _has_model(self) -> bool:
        return bool(self.attempts) or self.state in (
            "LANDED",
            "RECEIVED",
            "WAITING",
            "REJECTED",
            "WITHDRAWN",
            "EXAMINING",
        )

    def _raw_steps(self) -> tuple[str, str, str]:
        return (DONE, SKIPPED, DONE if self.state == "ARCHIVED" else BUSY)


_STEPS = {
    "LANDED": (WAITING, WAITING, WAITING),
    "RECEIVED": (BUSY, WAITING, WAITING),
    "EXAMINING": (BUSY, WAITING, WAITING),
    "UNEXAMINED": (BAD, SKIPPED, SKIPPED),
    "WAITING": (DONE, WAITING, WAITING),
    "REJECTED": (BAD, SKIPPED, SKIPPED),
    "WITHDRAWN": (SKIPPED, SKIPPED, SKIPPED),
    "PLANNED": (DONE, WAITING, WAITING),
    "SUBMITTED": (DONE, BUSY, WAITING),
    "FAILED": (DONE, BAD, SKIPPED),
    "PREDICTED": (DONE, DONE, BUSY),
    "TRAINED": (DONE, DONE, BUSY),
    "ARCHIVED": (DONE, DONE, DONE),
}


def at_rest(all_of_them: list[Progress]) -> bool:
    """Whether nothing more happens to these by itself: each has ended, or waits for files that are not among them."""
    coming = {one.group for one in all_of_them if not one.ended and not one.waits_for}
    return all(one.ended or (one.waits_for and one.group not in coming) for one in all_of_them)


def read_progress(ledger: Ledger, upload_id: str, key: str, size: int) -> Progress:
    """Read one upload's standing."""
    upload = ledger.find_upload(upload_id)
    if upload is None:
        return Progress(upload_id, key, size, None, [], group=_group(Upload("RECEIVED", key=key)))
    job = last_job(ledger, upload) if upload.state == "RECEIVED" else None
    attempts = ledger.deciding_attempts(upload) if upload.training or upload.masks_of else ledger.attempts(upload_id)
    held = upload.state == "VALIDATED" and is_held(ledger, packaged(), upload, ledger.deciding_attempts(upload))
    policy = policy_of(packaged(), upload) if upload.state == "WAITING" else None
    awaited = policy.awaits(ledger, packaged(), upload) if policy else None
    group = upload.run if held else _group(upload)
    return Progress(upload_id, key, size, upload, attempts, job, held, group, awaited)


def _group(upload: Upload) -> str:
    """The name of the upload's set, without the bucket; empty if it stands alone."""
    policy = policy_of(packaged(), upload)
    try:
        name = policy.place(packaged(), upload)[0] if policy else ""
    except InvalidFileError:  # it is about to be rejected
        return ""
    return name.removeprefix(f"{upload.bucket}/")
