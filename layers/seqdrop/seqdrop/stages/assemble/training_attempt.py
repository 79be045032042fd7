"""The one attempt of a complete training set, and the moves of its files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from seqdrop.companions.training_sets import place_of
from seqdrop.config.analyses import TRAINING
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.stages.assemble.decision import Decision
from seqdrop.stages.notifications import report_content
from seqdrop.stages.routing import may_be_archived
from seqdrop.training.request import Order

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View
    from seqdrop.training.data.prepare import Prepared
    from seqdrop.training.jobfile import JobFile


def plan(view: View, head: Upload, job: JobFile, files: dict[str, Upload], data: str, prepared: Prepared) -> Decision:
    """Plan the attempt of job.toml (`head`); its data files belong to that from now on. `data` is where they lie,
    prepared, in the work bucket.
    """
    name = place_of(head.bucket, head.key, view.analysis.prefix).name
    ids, previous = {file: upload.id for file, upload in files.items()}, view.file_set.fact("attempt")
    order = Order(name, job, ids, data, prepared, previous=previous)
    attempt = Attempt("PLANNED", upload_id=head.id, analysis=TRAINING, run=head.run, plan=order.as_json())
    steps = [Step(head, "VALIDATED", _facts(view, head)), *_failed_before(view.services, attempt, previous, head)]
    data_files = [upload for upload in files.values() if not is_leaving(view.services, upload)]
    steps += [Step(file, "VALIDATED", _facts(view, file) | {"training": attempt.key}) for file in data_files]
    file_set = view.with_upload.with_facts(attempt=attempt.key)
    # Written ahead, so that no crash leaves it out, and again by `confirm`: see there.
    return Decision(steps, [attempt], file_set, enqueue=[head]).after(partial(report_training, view.services, attempt))


def report_training(services: Services, attempt: Attempt) -> None:
    """Write what there is to train on as the report of job.toml."""
    order = Order.from_json(attempt.plan)
    data = {"files": order.files, **order.prepared.as_dict()}
    head = services.ledger.find_upload(attempt.upload_id)
    report_content(services, head, {"training": order.training, "model": order.model, "data": data})


def is_leaving(services: Services, upload: Upload) -> bool:
    """Whether a file is archived or about to be, since an earlier training has its model: it belongs to that one, and
    may be gone from the landing bucket at any moment.
    """
    if upload.state != "VALIDATED":
        return upload.state == "ARCHIVED"
    return may_be_archived(upload, services.ledger.deciding_attempts(upload))


def _facts(view: View, member: Upload) -> dict:
    return view.content or {} if member is view.upload else {}


def _failed_before(services: Services, attempt: Attempt, previous: str, head: Upload) -> list[Step]:
    """The job.toml of an attempt before this one that failed is archived with this one's."""
    before = services.ledger.find_attempt(previous) if previous else None
    upload = services.ledger.find_upload(before.upload_id) if before and before.state == "FAILED" else None
    if upload is None or upload.state != "VALIDATED" or upload.id == head.id:
        return []
    return [Step(upload, "VALIDATED", {"training": attempt.key})]
