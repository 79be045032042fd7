"""A training is complete: its data are prepared, and it goes on with one attempt, or is rejected as a whole."""

from __future__ import annotations

from seqdrop.analyses import TRAINING
from seqdrop.ledger.records import Attempt, DataSet, Step, Upload
from seqdrop.log import logger
from seqdrop.services import Services
from seqdrop.stages.notices import mail, reason
from seqdrop.stages.road import hand_on
from seqdrop.training.jobfile import JobFile
from seqdrop.training.order import Order
from seqdrop.training.place import Place
from seqdrop.training.prepare import Prepared
from seqdrop.training.store import Store

AGAIN = "Then drop the whole folder again: what a file is worth shows only beside the others."


def go_on(
    services: Services, place: Place, found: DataSet, head: Upload, job: JobFile, files: dict[str, Upload]
) -> bool:
    """Move job.toml and its data files on together; False if someone was first. Raises ObjectGone."""
    store = Store(services.s3, services.settings.work, job, files)
    prepared = store.prepared()
    if not isinstance(prepared, Prepared):
        return _reject_all(services, [head, *_waiting(files)], prepared)
    names = {name: one.id for name, one in files.items()}
    order = Order(place.name, job, names, store.data, prepared, previous=found.attempt)
    attempt = Attempt("PLANNED", upload_id=head.id, analysis=TRAINING, plan=order.as_json())
    _report(services, head, order)
    steps = [Step(head, "VALIDATED"), *_steps(services, attempt, found, head, files)]
    with_attempt = DataSet(found.name, found.seats, attempt.key, found.revision)
    if not services.ledger.move_together(steps, [attempt], with_attempt):
        return False
    logger().info("training planned", extra={"upload_id": head.id, "training": place.name})
    hand_on(services, services.ledger.upload(head.id))
    return True


def _waiting(files: dict[str, Upload]) -> list[Upload]:
    return [one for one in files.values() if one.state == "WAITING"]


def _steps(services: Services, attempt: Attempt, found: DataSet, head: Upload, files: dict[str, Upload]) -> list[Step]:
    """The data files belong to the attempt from now on, and so does the job.toml of one before it that failed."""
    told = {"training": attempt.key}
    steps = [Step(one, "VALIDATED", told) for one in _waiting(files)]
    steps += [Step(one, "VALIDATED", told) for one in files.values() if one.state == "VALIDATED"]
    before = services.ledger.attempt(found.attempt) if found.attempt else None
    upload = services.ledger.upload(before.upload_id) if before and before.state == "FAILED" else None
    if upload and upload.state == "VALIDATED" and upload.id != head.id:
        steps.append(Step(upload, "VALIDATED", told))
    return steps


def _reject_all(services: Services, uploads: list[Upload], refused: dict) -> bool:
    """Every file that waited, each with the reason; one mail. Told first, like every rejection."""
    refused = refused | {"advice": f"{refused['advice']} {AGAIN}"}
    for one in uploads:
        reason(services, one, refused)
    mail(services, uploads, refused, read=False)
    logger().info("training rejected", extra={"upload_id": uploads[0].id, "code": refused["code"]})
    return services.ledger.move_together([Step(one, "REJECTED", {"reason": refused["code"]}) for one in uploads])


def _report(services: Services, head: Upload, order: Order) -> None:
    """What there is to train on, beside job.toml."""
    content = {
        "upload": head.id,
        "key": head.key,
        "valid": True,
        "training": order.training,
        "model": order.model,
        "data": {"files": order.files, **order.prepared.as_dict()},
    }
    services.put_json(services.settings.results, f"reports/{head.id}.json", content)
