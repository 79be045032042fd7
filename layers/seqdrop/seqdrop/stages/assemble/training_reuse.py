"""The files of an earlier training, which job.toml names with `reuse`. Without it no data file is used twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.kind import TRAINING
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.ledger.moves import UNDECIDED
from seqdrop.stages.assemble.training_attempt import Facts, TrainingSet
from seqdrop.training.jobfile import JOB
from seqdrop.training.request import Order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View
    from seqdrop.training.jobfile import JobFile


def collect_reused(view: View[Facts], head: Upload, job: JobFile) -> TrainingSet:
    """Return the set of a job.toml with `reuse`: each data file is that of the earlier training.

    Raise InvalidFileError if there is no such training in the folder, if it lacks a file that job.toml names, if a file
    was deleted, or if another version of a file is new in the folder: job.toml would then say two things.
    """
    earlier = _find_earlier(view, head, job.reuse)
    uploads = Order.from_json(earlier.plan).files
    if unknown := [name for name in job.data.files if name not in uploads]:
        message = f"[data] names {_join(unknown)}, and the training {job.reuse} of `reuse` used {_join(uploads)}"
        raise _refuse(
            message, "Correct the names in [data]; or remove `reuse`, drop the data files, and then job.toml."
        )
    new = {name: view.member(name) for name in job.data.files}
    if conflicting := [name for name, member in new.items() if member and member.state in UNDECIDED]:
        raise _refuse(
            f"`reuse` asks for the files of the training {job.reuse}, and {_join(conflicting)} in the folder is new",
            "To train on new files: remove `reuse`, and drop every data file that is not new, and then job.toml. To "
            "train on the earlier files: delete the new ones, and drop job.toml again.",
        )
    files = {name: _find_file(view.services, name, uploads[name]) for name in job.data.files}
    return TrainingSet(head, job, files, earlier)


def _find_earlier(view: View[Facts], head: Upload, upload_id: str) -> Attempt:
    """Return the last attempt of the training; raise InvalidFileError if the folder has no such training."""
    upload = view.services.ledger.find_upload(upload_id)
    attempts = [item for item in view.services.ledger.attempts(upload_id) if item.analysis == TRAINING]
    if upload is None or not attempts or (upload.bucket, upload.key) != (head.bucket, head.key):
        advice = (
            "The mail and the card of each training name the upload id of its job.toml, and so does `seqdrop status`. "
            f"Correct `reuse`; or remove it, drop the data files, and then {JOB}."
        )
        folder = head.key.removesuffix(JOB)
        raise _refuse(f'reuse is "{upload_id}", and no training in {folder} has this upload id', advice)
    return attempts[-1]


def _find_file(services: Services, name: str, upload_id: str) -> Upload:
    upload = services.ledger.find_upload(upload_id)
    if upload is None or upload.state not in ("VALIDATED", "ARCHIVED", "DUPLICATE"):
        message = f"the earlier training used {name} (upload {upload_id}), which was deleted"
        advice = f"Drop the data files, and then {JOB} without `reuse`."
        raise InvalidFileError(Fault("data_archived", message, advice))
    return upload


def _join(names: Iterable[str]) -> str:
    return ", ".join(names)


def _refuse(message: str, advice: str) -> InvalidFileError:
    return InvalidFileError(Fault("bad_job", message, advice, name=JOB))
