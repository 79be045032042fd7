"""The progress of uploads as the ledger has it: one view for tables, plain lines and summaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import InvalidFileError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.moves import DONE as FINISHED
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.routing import is_gated
from seqdrop.stages.start_processing.tries import find_last_job, is_final

if TYPE_CHECKING:
    from seqdrop.ledger.table import Ledger
    from seqdrop.stages.assemble.policy import Awaited
    from seqdrop.uploads import UploadVersion

# The state of a step: validate, predict or archive.
WAITING, BUSY, DONE, SKIPPED, BAD = "waiting", "busy", "done", "skipped", "bad"
FINAL_STATES = ("ARCHIVED", "FORGETTING", "FORGOTTEN", "DUPLICATE", "REJECTED", "WITHDRAWN", "FAILED", "UNEXAMINED")
HAVE_RECEIPT = ("ARCHIVED", "FORGETTING", "FORGOTTEN")
STATES_BEFORE_VALIDATION = ("LANDED", "RECEIVED", "WAITING", "REJECTED", "WITHDRAWN", "EXAMINING")


@dataclass(frozen=True)
class Progress:
    """The progress of one upload through validate, predict and archive.

    `upload` is None until the event of the upload was processed. `key` is the landing key. `job` is the processing job
    that examines a file too large for a Lambda. `is_gated` says that the upload waits for its run. `group` is the
    name of the set of files that it belongs to, and `awaited` is what it waits for.
    """

    upload_id: str
    key: str
    size: int
    upload: Upload | None
    attempts: list[Attempt]
    job: Job | None = None
    is_gated: bool = False
    group: str = ""
    awaited: Awaited | None = None

    @property
    def state(self) -> str:
        """The state of the upload, or of its attempt or job while that is what happens."""
        if self.upload is None:
            return "LANDED"
        if self.upload.state == "RECEIVED" and self.job:
            return _examination_state(self.job)
        if self.is_gated:
            return "WAITING"
        is_attempted = self.upload.state == "VALIDATED" and self.attempts and not self.upload.released_at
        if is_attempted or self._is_replayed:
            return self.attempts[-1].state
        return self.upload.state

    @property
    def _is_replayed(self) -> bool:
        """True for an archived upload with a later attempt that is under way or has failed."""
        if self.upload is None or self.upload.state != "ARCHIVED" or not self.attempts:
            return False
        return self.attempts[-1].state not in FINISHED and not self.upload.released_at

    @property
    def is_final(self) -> bool:
        """True if nothing more happens to the upload by itself, whatever other files do."""
        return self.state in FINAL_STATES

    @property
    def waits_for(self) -> str:
        """The name of the group whose files a WAITING upload waits for, such as a folder; else empty.

        An attempt that waits for a job slot needs no file.
        """
        is_waiting = self.is_gated or (self.upload is not None and self.upload.state == "WAITING")
        return self.group if is_waiting else ""

    @property
    def detail(self) -> str:
        """What explains the state: the fault, the job, the mate, or the number of records."""
        if self.upload is None:
            return ""
        if self.upload.state == "RECEIVED" and self.job:
            return self.job.reason or self.job.name
        if self.state == "FAILED":
            return f"{self._attempt_number}{self.attempts[-1].reason}"
        if self.state == "SUBMITTED":
            return f"{self._attempt_number}{self.attempts[-1].job}"
        if self.is_gated:
            return f"for the marker of its run, in {self.waits_for}"
        if self.state == "DUPLICATE":
            return f"archived before, as {self.upload.duplicate_of}"
        if self.awaited:
            return f"for {self.awaited.short}"
        if self.upload.released_at:
            return "released without predictions"
        if self.state == "WAITING" and self.attempts:
            return f"{self._attempt_number}for a free job slot"
        return f"{self._attempt_number}{_reason_or_records(self.upload)}"

    @property
    def _attempt_number(self) -> str:
        """The number of an attempt after the first."""
        number = self.attempts[-1].number if self.attempts else 1
        return f"attempt {number}: " if number > 1 else ""

    @property
    def steps(self) -> tuple[str, str, str]:
        """The states of validate, predict and archive."""
        if self.upload and self._is_replayed:
            return (DONE, _STEPS[self.state][1], DONE)
        if self.state == "DUPLICATE":
            return _STEPS["DUPLICATE"]
        archive = DONE if self.state in HAVE_RECEIPT else BUSY
        if self.upload and self.upload.released_at:
            return (DONE, BAD, archive)
        if self.attempts or self.state in STATES_BEFORE_VALIDATION:
            return _STEPS.get(self.state, (WAITING, WAITING, WAITING))
        return (DONE, SKIPPED, archive)  # without a model


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
    "FORGETTING": (DONE, DONE, DONE),
    "FORGOTTEN": (DONE, DONE, DONE),
    "DUPLICATE": (DONE, SKIPPED, SKIPPED),
}


def _examination_state(job: Job) -> str:
    """Return EXAMINING, RECEIVED between two jobs, or UNEXAMINED if the last job failed and none follows."""
    if job.state in OPEN[JOB]:
        return "EXAMINING"
    return "UNEXAMINED" if job.state != "DONE" and is_final(job, job.state) else "RECEIVED"


def _reason_or_records(upload: Upload) -> str:
    if upload.reason or not upload.records:
        return upload.reason
    return "1 record" if upload.records == 1 else f"{upload.records:,} records"


def at_rest(uploads: list[Progress]) -> bool:
    """Return whether nothing more happens by itself: each is final, or waits for files that are not among these."""
    active_groups = {upload.group for upload in uploads if not upload.is_final and not upload.waits_for}
    return all(upload.is_final or (upload.waits_for and upload.group not in active_groups) for upload in uploads)


def read_progress(ledger: Ledger, upload_id: str, key: str, size: int, *, with_awaited: bool = True) -> Progress:
    """Read the progress of one upload; without `with_awaited`, not what it waits for, which needs further reads."""
    upload = ledger.find_upload(upload_id)
    if upload is None:
        return Progress(upload_id, key, size, None, [], group=_group_of(Upload("RECEIVED", key=key)))
    job = find_last_job(ledger, upload) if upload.state == "RECEIVED" else None
    attempts = ledger.deciding_attempts(upload) if upload.training or upload.masks_of else ledger.attempts(upload_id)
    waits_for_run = upload.state == "VALIDATED" and is_gated(
        ledger, packaged(), upload, ledger.deciding_attempts(upload)
    )
    policy = policy_of(packaged(), upload) if upload.state == "WAITING" and with_awaited else None
    awaited = policy.awaits(ledger, packaged(), upload) if policy else None
    group = upload.run if waits_for_run else _group_of(upload)
    return Progress(upload_id, key, size, upload, attempts, job, waits_for_run, group, awaited)


def make_progress(version: UploadVersion, upload: Upload | None) -> Progress:
    """Return the progress of an upload as far as its own record shows it, without attempts, jobs and awaited files."""
    return Progress(version.id, version.key, version.size, upload, [], group=_group_of(upload or _landed(version.key)))


def _landed(key: str) -> Upload:
    return Upload("RECEIVED", key=key)


def _group_of(upload: Upload) -> str:
    """Return the name of the upload's set, without the bucket; empty if the upload belongs to no set."""
    policy = policy_of(packaged(), upload)
    try:
        name = policy.place(packaged(), upload)[0] if policy else ""
    except InvalidFileError:  # the upload is about to be rejected
        return ""
    return name.removeprefix(f"{upload.bucket}/")
