"""A training is complete: its data are prepared, and it goes on with one attempt, or is rejected as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seqdrop.companions.training_sets import Place
from seqdrop.config.analyses import TRAINING
from seqdrop.ledger.coordination import DataSet
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services
from seqdrop.stages.notifications import mail, reason
from seqdrop.stages.routing import hand_on
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.data.store import Store
from seqdrop.training.jobfile import JobFile
from seqdrop.training.request import Order

OPEN = ("RECEIVED", "WAITING")
AGAIN = "Then drop the whole folder again: what a file is worth shows only beside the others."


@dataclass(frozen=True)
class Arrival:
    """The upload that is being settled, what was found in it, and the end of an earlier version that it replaces."""

    upload: Upload
    facts: dict
    replaced: list[Step]


def go_on(
    services: Services,
    place: Place,
    seated: DataSet,
    arrival: Arrival,
    head: Upload,
    job: JobFile,
    files: dict[str, Upload],
) -> bool:
    """Move job.toml and its data files on together; False if someone was first. Raises ObjectGone."""
    store = Store(services.s3, services.settings.work, job, files)
    prepared = store.prepared()
    members = [head, *files.values()]
    if not isinstance(prepared, Prepared):
        return _reject_all(services, seated, arrival, [one for one in members if one.state in OPEN], prepared)
    names = {name: one.id for name, one in files.items()}
    order = Order(place.name, job, names, store.data, prepared, previous=seated.attempt)
    attempt = Attempt("PLANNED", upload_id=head.id, analysis=TRAINING, run=head.run, plan=order.as_json())
    _report(services, head, order)
    steps = [_step(one, arrival, "" if one is head else attempt.key) for one in members if one.state != "ARCHIVED"]
    steps += [*_failed_before(services, attempt, seated, head), *arrival.replaced]
    if not services.ledger.move_together(steps, [attempt], replace(seated, attempt=attempt.key)):
        return False
    logger().info("training planned", extra={"upload_id": head.id, "training": place.name})
    hand_on(services, services.ledger.upload(head.id))
    return True


def _step(one: Upload, arrival: Arrival, training: str) -> Step:
    """To VALIDATED, where one that stands there stays. Data files belong to the attempt from now on."""
    facts = arrival.facts if one is arrival.upload else {}
    return Step(one, "VALIDATED", facts | ({"training": training} if training else {}))


def _failed_before(services: Services, attempt: Attempt, seated: DataSet, head: Upload) -> list[Step]:
    """The job.toml of an attempt before this one that failed is archived with this one's."""
    before = services.ledger.attempt(seated.attempt) if seated.attempt else None
    upload = services.ledger.upload(before.upload_id) if before and before.state == "FAILED" else None
    if upload is None or upload.state != "VALIDATED" or upload.id == head.id:
        return []
    return [Step(upload, "VALIDATED", {"training": attempt.key})]


def _reject_all(services: Services, seated: DataSet, arrival: Arrival, uploads: list[Upload], refused: dict) -> bool:
    """Every file that has not gone on, each with the reason; one mail. Told first, like every rejection."""
    refused = refused | {"advice": f"{refused['advice']} {AGAIN}"}
    for one in uploads:
        reason(services, one, refused)
    mail(services, uploads, refused, read=False)
    logger().info("training rejected", extra={"upload_id": uploads[0].id, "code": refused["code"]})
    steps = [Step(one, "REJECTED", {"reason": refused["code"]}) for one in uploads]
    return services.ledger.move_together([*steps, *arrival.replaced], pair=seated)


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
