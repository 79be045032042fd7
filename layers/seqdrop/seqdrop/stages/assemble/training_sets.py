"""The files of a training are separate uploads, in any order: job.toml, and the data files that it names.

Each file waits in its slot. When the last one arrives, all advance together, with one attempt, or all are rejected,
because some errors in a file show only in comparison with the others.

A set is a revision: it consists of files that no training has used yet. A data file of an earlier training is used
again only if job.toml names that training (`reuse`). Therefore the order of arrival does not matter: a job.toml that
arrives before the new data files waits for them, and never finds the earlier files of the same names.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import find_current_version, is_gone
from seqdrop.companions.training_sets import Place, place_of, reuse_line
from seqdrop.errors import DistributionRefusedError, Fault, InvalidFileError, ObjectGoneError
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.moves import UNDECIDED
from seqdrop.ledger.records import Step
from seqdrop.stages.assemble.decision import Decision, reject, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.repeats import find_twins, repeat
from seqdrop.stages.assemble.training_attempt import (
    Facts,
    TrainingSet,
    facts_of,
    is_leaving,
    plan_attempt,
    report_training,
)
from seqdrop.stages.assemble.training_baseline import write_training_baseline
from seqdrop.stages.assemble.training_reuse import collect_reused
from seqdrop.stages.assemble.view import MembersGoneError, View, require_analysis
from seqdrop.stages.duplicates import resolve_duplicate
from seqdrop.stages.notifications import RejectionMail
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.data.store import Store
from seqdrop.training.jobfile import ADVICE, JOB, MOST_BYTES, JobFile, parse
from seqdrop.training.request import Order
from seqdrop.uploads import upload_id
from seqdrop.work.examination import rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    Facts: `attempt`, the key of the last attempt that was planned; `missing`, the names of the files that were missing
    at the last decision (job.toml alone while it is missing, since only it names the others).
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
        head = _find_new(view, JOB)
        if head is None:
            return _wait(view, [JOB])
        job = _read_job(view.services, head)
        if repeats := _end_repeated_set(view, head, job):
            return repeats
        try:
            training = collect_reused(view, head, job) if job.reuse else _collect_new(view, head, job)
        except InvalidFileError as error:
            return replace(reject(view.services, [head], rejection(error), mail=WITHOUT_REPORT), again=True)
        members = {JOB: head, **({} if job.reuse else training.files)}
        missing = [name for name in job.data.files if name not in training.files]
        missing = missing or [name for name, member in members.items() if _has_newer(view.services, member)]
        return _wait(view, missing) if missing else _complete(view, training)

    def belong_together(self, services: Services, uploads: Sequence[Upload]) -> bool:
        """Return True if the last attempt of the job.toml among the uploads trained on all the others."""
        files = {_place(services.analyses, upload).file: upload for upload in uploads}
        head = files.pop(JOB, None)
        attempts = services.ledger.attempts(head.id) if head else []
        trained = Order.from_json(attempts[-1].plan).files if attempts else {}
        used = {name: resolve_duplicate(services, trained.get(name, "")) for name in files}
        return bool(attempts) and used == {name: upload.id for name, upload in files.items()}

    def confirm(self, services: Services, upload: Upload) -> None:
        """Write the report of job.toml again, for the attempt that trains on the upload."""
        for attempt in services.ledger.deciding_attempts(upload):
            report_training(services, attempt)

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        """Return the description of the rest of the training set."""
        place = _place(analyses, upload)
        file_set, folder = ledger.file_set(self.name, place.set_name), place.set_name.partition("/")[2]
        earlier = file_set.text("attempt").partition("-")[0]
        missing = " and ".join(file_set.texts("missing")) or "job.toml or a file that it names"
        verb = "are" if len(file_set.texts("missing")) > 1 else "is"
        detail = f"the rest of its training set: in {folder}/, {missing} {verb} missing"
        if earlier:
            detail += " (each file counts for one training: those that an earlier training used are not used again)"
        return Awaited(
            "the rest of its training", f"the rest of {folder}/", detail, _advise(folder, place.file == JOB, earlier)
        )


TRAINING_SETS = TrainingSets()


def _place(analyses: Analyses, upload: Upload) -> Place:
    return place_of(upload.bucket, upload.key, require_analysis(analyses, upload).prefix)


def _check_job(services: Services, job: JobFile) -> None:
    """Raise InvalidFileError if no machine can run the distribution of the job."""
    from seqdrop.training.plan.sizing import has_smp, resolve_distribution  # only a job.toml needs it: 20 ms

    try:
        resolve_distribution(job, has_smp(services.settings.training_image))
    except DistributionRefusedError as error:
        raise _bad_job(str(error), name=JOB) from error


def _advise(folder: str, is_job: bool, earlier: str) -> tuple[str, ...]:
    """Return what a person can do about a file that waits. `earlier` is the last training of the folder, "" if none."""
    hints = [
        f"If it was not uploaded: drop it into {folder}/.",
        "If one of them was rejected (there was a mail): correct it, and drop it again under the same name.",
    ]
    if earlier:
        hints.append(
            "To train on the data of the earlier training instead: add this line at the top of job.toml, before the "
            f"first table, and drop job.toml again:\n  {reuse_line(earlier)}"
        )
    return tuple(hints) if is_job else (*hints, "If job.toml does not name this file: delete it.")


def _wait(view: View[Facts], missing: list[str]) -> Decision:
    """Let the upload wait, and record what is missing for mails and `seqdrop status`."""
    if view.upload.state == "WAITING":
        is_known = view.file_set.texts("missing") == missing
        return wait(view, file_set=None if is_known else view.file_set.with_facts(missing=missing))
    return wait(view, view.content, file_set=view.with_upload.with_facts(missing=missing))


def _find_new(view: View[Facts], name: str) -> Upload | None:
    """Return the file in a slot if no training has used it yet."""
    member = view.member(name)
    return member if member and member.state in UNDECIDED else None


def _collect_new(view: View[Facts], head: Upload, job: JobFile) -> TrainingSet:
    """Return the files that job.toml names and no training has used yet."""
    members = {name: _find_new(view, name) for name in job.data.files}
    return TrainingSet(head, job, {name: member for name, member in members.items() if member})


def _end_repeated_set(view: View[Facts], head: Upload, job: JobFile) -> Decision | None:
    """Return the decision that all files of a complete set are duplicates; None unless all repeat one training."""
    new = {name: _find_new(view, name) for name in job.data.files}
    files = [member for member in new.values() if member]
    if (len(files) < len(new) and not job.reuse) or any(_has_newer(view.services, member) for member in (head, *files)):
        return None
    steps = [Step(member, "VALIDATED", facts_of(view, member)) for member in (head, *files)]
    twins = find_twins(view.services, steps)
    if len(twins) < len(steps) or not TRAINING_SETS.belong_together(view.services, list(twins.values())):
        return None
    file_set = view.with_upload if view.upload.id in twins else view.file_set
    return Decision([repeat(step, twins) for step in steps], file_set=file_set, again=view.upload.id not in twins)


def _has_newer(services: Services, upload: Upload) -> bool:
    """Return True if the folder has a newer version of a file, whose event is late, or which was rejected.

    S3 does not deliver events in order: job.toml may be decided on before a file that was written before it. A version
    that was superseded is not newer.
    """
    version_id = find_current_version(services.s3, upload.bucket, upload.key)
    if version_id in ("", upload.version_id):
        return False
    other = services.ledger.find_upload(upload_id(upload.bucket, upload.key, version_id))
    return other is None or other.reason != "superseded"


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
        write_training_baseline(view.services, training.job, store.data, prepared)
        return plan_attempt(view, training, store.data, prepared)
    uploads = [member for member in training.members if member.state in UNDECIDED]
    refusal: Rejection = {**prepared, "advice": f"{prepared['advice']} {AGAIN}"}
    decision = reject(view.services, uploads, refusal, file_set=training.placed(view), mail=WITHOUT_REPORT)
    return replace(decision, again=view.upload not in training.members)


def _handle_gone(view: View[Facts], training: TrainingSet, error: ObjectGoneError) -> Decision:
    """Raise MembersGoneError for files that were deleted; reject job.toml if an archived file is missing."""
    landed = [member for member in training.members if not is_leaving(view.services, member)]
    if gone := [member for member in landed if is_gone(view.services.s3, member)]:
        raise MembersGoneError(*gone) from error
    message = "its data files were archived after an earlier training, and the data prepared from them has expired"
    advice = "Drop the data files again, and then job.toml without `reuse`."
    refusal = rejection(InvalidFileError(Fault("data_archived", message, advice)))
    return replace(reject(view.services, [training.head], refusal, mail=WITHOUT_REPORT), again=True)


def _bad_job(message: str, name: str | None = None) -> InvalidFileError:
    return InvalidFileError(Fault("bad_job", message, ADVICE, name=name))


def _too_many(place: Place) -> Fault:
    advice = "Drop the data as one file, or as one file for each split, under a new name of the training."
    folder = place.set_name.partition("/")[2]
    return Fault("too_many_files", f"there are already {MAX_MEMBERS} other files in {folder}/", advice)
