"""Where uploads stand, as the ledger tells it: for tables, plain lines and summaries alike."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from seqdrop.companions import masks, runs
from seqdrop.companions.mates import parse
from seqdrop.config.analyses import TRAINING
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.moves import DONE as REACHED
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.stages.routing import is_held
from seqdrop.stages.start_processing.processing_job import is_final, last_job

WAITING, BUSY, DONE, SKIPPED, BAD = "waiting", "busy", "done", "skipped", "bad"


@dataclass(frozen=True)
class Progress:
    """One upload's way through validate, predict and archive. `upload` is None until its event was taken.

    `key` is how it is shown. `job` is the one that examines it, if it is too large for a Lambda. `held` says that it
    waits for its run.
    """

    upload_id: str
    key: str
    size: int
    upload: Upload | None
    attempts: list[Attempt]
    job: Job | None = None
    held: bool = False

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
    def _landing_key(self) -> str:
        """The upload's key itself: `key` is what is shown, which may have the id below it."""
        return self.upload.key if self.upload else self.key

    @property
    def group(self) -> str:
        """What it shares with the uploads that it may wait for: the name of its pair, what a FASTA and its BED have in
        common, its training's folder, or its run's."""
        if self.held or self.is_manifest:
            return self.upload.run
        if self.upload and self.upload.analysis == TRAINING:
            return "/".join(self._landing_key.split("/")[:2])
        if self.is_masked:
            return masks.parse(self._landing_key).stem
        name = parse(self._landing_key)
        return name.pair if name else ""

    @property
    def is_masked(self) -> bool:
        """Whether it is a FASTA with stretches to fill, or a BED that names them."""
        analysis = packaged().for_key(self._landing_key)
        return analysis is not None and analysis.kind.takes_masks

    @property
    def is_manifest(self) -> bool:
        """Whether it lists the files of a run."""
        return packaged().is_marker(self._landing_key) and runs.is_manifest(self._landing_key)

    @property
    def ended(self) -> bool:
        return self.state in ("ARCHIVED", "REJECTED", "WITHDRAWN", "FAILED", "UNEXAMINED")

    @property
    def waits_for(self) -> str:
        """The key of the mate, BED or FASTA that one in WAITING waits for, or the folder of its training or run; else
        empty."""
        if self.held:
            return self.group
        if self.upload is None or self.upload.state != "WAITING":  # an attempt that waits for a job slot needs no file
            return ""
        if self.is_manifest:
            return self.group
        if self.is_masked:
            return masks.parse(self._landing_key).partner
        return f"{self.group}/" if self.upload.analysis == TRAINING else parse(self._landing_key).partner

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
        if self.waits_for and self.is_manifest:
            return "for files that it lists"
        if self.waits_for.endswith("/"):
            return f"for the rest of {self.waits_for}"
        if self.waits_for and self.is_masked:
            return f"for {posixpath.basename(self.waits_for)}"
        if self.waits_for:
            return f"for its mate {posixpath.basename(self.waits_for)}"
        if self.upload.released_at:
            return "released without predictions"
        if self.state == "WAITING":
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


# Without an attempt, and not because there is no model.
_NOT_PLANNED = ("LANDED", "RECEIVED", "EXAMINING", "UNEXAMINED", "WAITING", "REJECTED", "WITHDRAWN")
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


def progress(ledger: Ledger, upload_id: str, key: str, size: int) -> Progress:
    """Read one upload's standing."""
    upload = ledger.upload(upload_id)
    if upload is None:
        return Progress(upload_id, key, size, None, [])
    job = last_job(ledger, upload) if upload.state == "RECEIVED" else None
    attempts = ledger.deciding(upload) if upload.training or upload.masks_of else ledger.attempts(upload_id)
    held = upload.state == "VALIDATED" and is_held(ledger, packaged(), upload, ledger.deciding(upload))
    return Progress(upload_id, key, size, upload, attempts, job, held)
