"""Plan the attempt of a complete training set, and the moves of its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.companions.training_sets import place_of
from seqdrop.config.kind import TRAINING
from seqdrop.ledger.records import Attempt, Fact, Step, Upload
from seqdrop.stages.assemble.decision import Decision
from seqdrop.stages.notifications import write_plain_report
from seqdrop.stages.routing import may_be_archived
from seqdrop.training.request import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.coordination import FileSet
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View
    from seqdrop.training.data.prepare import Prepared
    from seqdrop.training.jobfile import JobFile

Facts = dict[str, Fact]
MAX_FAILED = 20  # DynamoDB allows 100 writes in a transaction, and a set may have 61 members


@dataclass(frozen=True)
class TrainingSet:
    """The members of a training set: job.toml (`head`), its content, and the data files by name.

    `earlier` is the attempt whose files are used again; None if the files are new.
    """

    head: Upload
    job: JobFile
    files: Mapping[str, Upload]
    earlier: Attempt | None = None

    @property
    def members(self) -> list[Upload]:
        """All uploads of the set."""
        return [self.head, *self.files.values()]

    def placed(self, view: View[Facts]) -> FileSet:
        """Return the ledger's set with the view's upload in its slot, if that upload is a member."""
        return view.with_upload if view.upload in self.members else view.file_set


def plan_attempt(view: View[Facts], training: TrainingSet, data: str, prepared: Prepared) -> Decision:
    """Return the decision that plans the attempt of job.toml, and moves its data files to that attempt.

    `data` is the prefix of the prepared data in the work bucket.
    """
    head = training.head
    name = place_of(head.bucket, head.key, view.analysis.prefix).name
    ids, earlier = {file: upload.id for file, upload in training.files.items()}, training.earlier
    previous = earlier.key if earlier else view.file_set.text("attempt")
    order = Order(name, training.job, ids, data, prepared, previous=previous)
    attempt = Attempt("PLANNED", upload_id=head.id, analysis=TRAINING, run=head.run, plan=order.as_json())
    steps = [Step(head, "VALIDATED", facts_of(view, head)), *_include_failed(view.services, attempt, earlier)]
    data_files = [upload for upload in training.files.values() if not is_leaving(view.services, upload)]
    steps += [Step(file, "VALIDATED", {**facts_of(view, file), "training": attempt.key}) for file in data_files]
    file_set = training.placed(view).with_facts(attempt=attempt.key, missing=[])
    decision = Decision(steps, [attempt], file_set, enqueue=[head], again=view.upload not in training.members)
    # The report is written before the transaction, so that no crash loses it; Policy.confirm says why it is repeated.
    return decision.after(partial(report_training, view.services, attempt))


def report_training(services: Services, attempt: Attempt) -> None:
    """Write the description of the training data as the report of job.toml."""
    order = Order.from_json(attempt.plan)
    data = {"files": order.files, **order.prepared.as_dict()}
    head = services.ledger.require_upload(attempt.upload_id)
    write_plain_report(services, head, {"training": order.training, "model": order.model, "data": data})


def is_leaving(services: Services, upload: Upload) -> bool:
    """Return True if a file is archived or about to be, as an earlier training has its model, or is a duplicate.

    Such a file belongs to that training, and may leave the landing bucket at any moment.
    """
    if upload.state != "VALIDATED":
        return upload.state in ("ARCHIVED", "DUPLICATE")
    return may_be_archived(upload, services.ledger.deciding_attempts(upload))


def facts_of(view: View[Facts], member: Upload) -> Facts:
    """Return the facts of a member if this invocation read it; none for the other members, which have theirs."""
    return (view.content or {}) if member is view.upload else {}


def _include_failed(services: Services, attempt: Attempt, earlier: Attempt | None) -> list[Step[Upload]]:
    """Return the steps that add the job.toml of a failed training, whose data are used again, to this attempt.

    It is then archived with the files of this attempt, and so are those of the failed trainings whose data it used
    again itself.
    """
    steps: list[Step[Upload]] = []
    while earlier and earlier.state == "FAILED" and len(steps) < MAX_FAILED:
        upload = services.ledger.find_upload(earlier.upload_id)
        if upload and upload.state == "VALIDATED":
            steps.append(Step(upload, "VALIDATED", {"training": attempt.key}))
        order = Order.from_json(earlier.plan)
        earlier = _last_of(services, order.job.reuse) if order.job.reuse else None
    return steps


def _last_of(services: Services, upload_id: str) -> Attempt | None:
    attempts = [item for item in services.ledger.attempts(upload_id) if item.analysis == TRAINING]
    return attempts[-1] if attempts else None
