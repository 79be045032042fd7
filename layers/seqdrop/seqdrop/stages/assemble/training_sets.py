"""The files of a training are uploads of their own, in any order: job.toml, and the data that it names.

Each waits in its slot. With the last one all advance together, with one attempt; or all are rejected, since what is
wrong with a file shows only beside the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions.training_sets import Place, place_of
from seqdrop.errors import DistributionRefusedError, Fault, InvalidFileError, ObjectGoneError
from seqdrop.ledger import earlier_sets
from seqdrop.stages.assemble.decision import Decision, reject, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.training_attempt import is_leaving, plan, report_training
from seqdrop.stages.assemble.view import MembersGoneError, View
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.data.store import Store
from seqdrop.training.jobfile import ADVICE, JOB, MOST_BYTES, JobFile, parse
from seqdrop.training.plan.sizing import has_smp, resolve_distribution
from seqdrop.work.examination import rejection

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services

MAX_MEMBERS = 60  # with job.toml and the set's record one transaction moves them all
CHUNK = 1 << 20
AGAIN = "Then drop the whole folder again: what a file is worth shows only beside the others."


class TrainingSets(Policy):
    """Slots are names below the folder of the training; the fact `attempt` is the key of the last attempt planned."""

    name, awaited = earlier_sets.TRAINING, "the rest of its training"

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        place = _place(analyses, upload)
        return place.set_name, place.file

    def read(self, services: Services, upload: Upload) -> dict:
        """The facts of a file; a job.toml is checked, too."""
        is_job = _place(services.analyses, upload).file == JOB
        if is_job and upload.size > MOST_BYTES:
            raise _bad_job(f"job.toml has {upload.size:,} bytes; {MOST_BYTES:,} are the most")
        digest, text = hashlib.sha256(), b""
        with RangedObject(services.s3, upload.version) as body:
            while block := body.read(CHUNK):
                digest.update(block)
                text = text + block if is_job else b""
        if is_job:
            _check_job(services, parse(text))
        return {"sha256": digest.hexdigest(), "format": "training"}

    def decide(self, view: View) -> Decision:
        if len(view.with_upload.members) > MAX_MEMBERS:
            raise InvalidFileError(_too_many(_place(view.services.analyses, view.upload)))
        head = view.member(JOB)
        if head is None or head.state not in ("RECEIVED", "WAITING"):
            return wait(view, view.content)
        job = _job(view.services, head)
        files = {name: view.member(name) for name in job.data.files}
        return _complete(view, head, job, files) if all(files.values()) else wait(view, view.content)

    def confirm(self, services: Services, upload: Upload) -> None:
        """The report of job.toml, by the attempt that trains on the upload."""
        for attempt in services.ledger.deciding_attempts(upload):
            report_training(services, attempt)

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        folder = upload.key.rpartition("/")[0]
        return Awaited(
            "the rest of its training",
            f"the rest of {folder}/",
            f"the rest of its training: {folder}/ lacks its job.toml, or a file that job.toml names",
            (
                "Was one of them rejected (there was a mail then)? Mend it, and drop it again under the same name.",
                "Is this file not named in job.toml? Then delete it; it will not be asked for.",
            ),
        )


TRAINING_SETS = TrainingSets()


def _place(analyses: Analyses, upload: Upload) -> Place:
    return place_of(upload.bucket, upload.key, analyses.for_key(upload.key).prefix)


def _check_job(services: Services, job: JobFile) -> None:
    """Raise InvalidFileError for a job that could be spread over no machine."""
    try:
        resolve_distribution(job, has_smp(services.settings.training_image))
    except DistributionRefusedError as error:
        raise _bad_job(str(error), name=JOB) from error


def _job(services: Services, head: Upload) -> JobFile:
    try:
        with RangedObject(services.s3, head.version) as body:
            return parse(body.read())
    except ObjectGoneError as error:
        raise MembersGoneError(head) from error


def _complete(view: View, head: Upload, job: JobFile, files: dict[str, Upload]) -> Decision:
    """All files are there: plan their attempt, or reject all that have not advanced before."""
    store, members = Store(view.services.s3, view.services.settings.work, job, files), [head, *files.values()]
    try:
        prepared = store.prepared()
    except ObjectGoneError as error:
        return _gone(view, head, members, error)
    if isinstance(prepared, Prepared):
        return plan(view, head, job, files, store.data, prepared)
    uploads = [member for member in members if member.state in ("RECEIVED", "WAITING")]
    refusal: Rejection = {**prepared, "advice": f"{prepared['advice']} {AGAIN}"}
    return reject(view.services, uploads, refusal, file_set=view.with_upload, read=False)


def _gone(view: View, head: Upload, members: list[Upload], error: ObjectGoneError) -> Decision:
    """Raise MembersGoneError for files that were deleted; reject job.toml if an archived one is lacking."""
    landed = [member for member in members if not is_leaving(view.services, member)]
    if gone := [member for member in landed if is_gone(view.services.s3, member)]:
        raise MembersGoneError(*gone) from error
    message = "its data were archived after an earlier training, and what was prepared of them has expired"
    fault = Fault("data_archived", message, "Drop the data files again, and then job.toml.")
    return replace(reject(view.services, [head], rejection(InvalidFileError(fault)), read=False), again=True)


def _bad_job(message: str, name: str | None = None) -> InvalidFileError:
    return InvalidFileError(Fault("bad_job", message, ADVICE, name=name))


def _too_many(place: Place) -> Fault:
    advice = "Drop the data as one file, or a file for each split, under a new name of training."
    return Fault("too_many_files", f"{MAX_MEMBERS} other files lie under {place.set_name.partition('/')[2]}/", advice)
