"""The files of a training are separate uploads, in any order: job.toml, and the data files that it names.

Each file waits in its slot. When the last one arrives, all advance together, with one attempt, or all are rejected,
because some errors in a file show only in comparison with the others.
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
from seqdrop.stages.assemble.training_attempt import Facts, TrainingSet, is_leaving, plan_attempt, report_training
from seqdrop.stages.assemble.view import MembersGoneError, View, require_analysis
from seqdrop.stages.notifications import RejectionMail
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

MAX_MEMBERS = 60  # DynamoDB allows 100 writes in the transaction that moves all of them
CHUNK = 1 << 20
AGAIN = "Then drop the whole folder again: some errors in a file show only in comparison with the others."
WITHOUT_REPORT = RejectionMail(has_report=False)


class TrainingSets(Policy[Facts]):
    """The policy of training sets. Slots are file names below the folder of the training.

    The fact `attempt` is the key of the last attempt that was planned.
    """

    name, awaited = earlier_sets.TRAINING, "the rest of its training set"

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the name of the training set, and the file's name there."""
        place = _place(analyses, upload)
        return place.set_name, place.file

    def read(self, services: Services, upload: Upload) -> Facts:
        """Return the facts of a file. Raise InvalidFileError for a bad job.toml, ObjectGoneError for a deleted file."""
        is_job = _place(services.analyses, upload).file == JOB
        if is_job and upload.size > MOST_BYTES:
            raise _bad_job(f"job.toml has {upload.size:,} bytes; the limit is {MOST_BYTES:,}")
        digest, text = hashlib.sha256(), b""
        with RangedObject(services.s3, upload.version) as body:
            while block := body.read(CHUNK):
                digest.update(block)
                text = text + block if is_job else b""
        if is_job:
            _check_job(services, parse(text))
        return {"sha256": digest.hexdigest(), "format": "training"}

    def decide(self, view: View[Facts]) -> Decision:
        """Let the upload wait until job.toml and all files that it names have arrived; then plan their attempt."""
        if len(view.with_upload.members) > MAX_MEMBERS:
            raise InvalidFileError(_too_many(_place(view.services.analyses, view.upload)))
        head = view.member(JOB)
        if head is None or head.state not in ("RECEIVED", "WAITING"):
            return wait(view, view.content)
        job = _read_job(view.services, head)
        members = {name: view.member(name) for name in job.data.files}
        files = {name: member for name, member in members.items() if member}
        return (
            _complete(view, TrainingSet(head, job, files)) if len(files) == len(members) else wait(view, view.content)
        )

    def confirm(self, services: Services, upload: Upload) -> None:
        """Write the report of job.toml again, for the attempt that trains on the upload."""
        for attempt in services.ledger.deciding_attempts(upload):
            report_training(services, attempt)

    def awaits(self, _ledger: Ledger, _analyses: Analyses, upload: Upload) -> Awaited:
        """Return the description of the rest of the training set."""
        folder = upload.key.rpartition("/")[0]
        return Awaited(
            "the rest of its training",
            f"the rest of {folder}/",
            f"the rest of its training set: in {folder}/, job.toml or a file that it names is missing",
            (
                "If one of them was rejected (there was a mail): correct it, and drop it again under the same name.",
                "If job.toml does not name this file: delete it.",
            ),
        )


TRAINING_SETS = TrainingSets()


def _place(analyses: Analyses, upload: Upload) -> Place:
    return place_of(upload.bucket, upload.key, require_analysis(analyses, upload).prefix)


def _check_job(services: Services, job: JobFile) -> None:
    """Raise InvalidFileError if no machine can run the distribution of the job."""
    try:
        resolve_distribution(job, has_smp(services.settings.training_image))
    except DistributionRefusedError as error:
        raise _bad_job(str(error), name=JOB) from error


def _read_job(services: Services, head: Upload) -> JobFile:
    try:
        with RangedObject(services.s3, head.version) as body:
            return parse(body.read())
    except ObjectGoneError as error:
        raise MembersGoneError(head) from error


def _complete(view: View[Facts], training: TrainingSet) -> Decision:
    """Plan the attempt of a complete set; if its data is invalid, reject all members that have not advanced."""
    store = Store(view.services.s3, view.services.settings.work, training.job, dict(training.files))
    try:
        prepared = store.load_or_prepare()
    except ObjectGoneError as error:
        return _handle_gone(view, training, error)
    if isinstance(prepared, Prepared):
        return plan_attempt(view, training, store.data, prepared)
    uploads = [member for member in training.members if member.state in ("RECEIVED", "WAITING")]
    refusal: Rejection = {**prepared, "advice": f"{prepared['advice']} {AGAIN}"}
    return reject(view.services, uploads, refusal, file_set=view.with_upload, mail=WITHOUT_REPORT)


def _handle_gone(view: View[Facts], training: TrainingSet, error: ObjectGoneError) -> Decision:
    """Raise MembersGoneError for files that were deleted; reject job.toml if an archived file is missing."""
    landed = [member for member in training.members if not is_leaving(view.services, member)]
    if gone := [member for member in landed if is_gone(view.services.s3, member)]:
        raise MembersGoneError(*gone) from error
    message = "its data files were archived after an earlier training, and the data prepared from them has expired"
    refusal = rejection(
        InvalidFileError(Fault("data_archived", message, "Drop the data files again, and then job.toml."))
    )
    return replace(reject(view.services, [training.head], refusal, mail=WITHOUT_REPORT), again=True)


def _bad_job(message: str, name: str | None = None) -> InvalidFileError:
    return InvalidFileError(Fault("bad_job", message, ADVICE, name=name))


def _too_many(place: Place) -> Fault:
    advice = "Drop the data as one file, or as one file for each split, under a new name of the training."
    folder = place.set_name.partition("/")[2]
    return Fault("too_many_files", f"there are already {MAX_MEMBERS} other files in {folder}/", advice)
