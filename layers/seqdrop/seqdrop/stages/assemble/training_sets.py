"""A training is complete: its data are prepared, and it goes on with one attempt, or is rejected as a whole.

Files of a training come as uploads of their own, in any order: job.toml, and the data that it names.

Each waits in its seat of the set. Whoever comes last moves all of them on, with the one attempt. Each move is one
transaction with the set's record, on which all were read; who is refused looks again. So of two that come last at one
moment, the later sees the earlier.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions.training_sets import Place, place_of
from seqdrop.config.analyses import TRAINING
from seqdrop.errors import DistributionRefused, Fault, InvalidFile, ObjectGone, RetryableError
from seqdrop.ledger.coordination import DataSet
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.mates import superseded
from seqdrop.stages.assemble.pair_view import LIVE
from seqdrop.stages.notifications import mail, reason, reject
from seqdrop.stages.routing import hand_on, may_be_archived
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.data.store import Store
from seqdrop.training.jobfile import ADVICE, JOB, MOST_BYTES, JobFile, parse
from seqdrop.training.plan.sizing import has_smp, spread
from seqdrop.training.request import Order
from seqdrop.work.examination import rejection

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
    steps = [_step(one, arrival, "" if one is head else attempt.key) for one in members if one.state != "ARCHIVED"]
    steps += [*_failed_before(services, attempt, seated, head), *arrival.replaced]
    if not services.ledger.move_together(steps, [attempt], replace(seated, attempt=attempt.key)):
        return False
    report_training(services, attempt)
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


def report_training(services: Services, attempt: Attempt) -> None:
    """Write what there is to train on, beside job.toml. Only once its attempt is in the ledger: a run that was too late
    with other versions of the data would else have the last word."""
    head, order = services.ledger.upload(attempt.upload_id), Order.from_json(attempt.plan)
    content = {
        "upload": head.id,
        "key": head.key,
        "valid": True,
        "training": order.training,
        "model": order.model,
        "data": {"files": order.files, **order.prepared.as_dict()},
    }
    services.put_json(services.settings.results, f"reports/{head.id}.json", content)


TRIES = 10  # each is lost only to someone who got on
MOST_SEATS = 60  # with job.toml and its set's record one transaction moves them all
CHUNK = 1 << 20


def settle_file(services: Services, upload: Upload) -> None:
    """Bring a RECEIVED or WAITING file of a training as far as the others let it, and them with it.

    Safe at any time and from any side. Raises InvalidFile, ObjectGone, or RetryableError if others were always first.
    """
    place = place_of(upload.bucket, upload.key, services.analyses.for_key(upload.key).prefix)
    facts = _read(services, upload, place) if upload.state == "RECEIVED" else {}
    for _ in range(TRIES):
        upload = services.ledger.upload(upload.id)
        if upload.state not in ("RECEIVED", "WAITING"):
            return hand_on(services, upload)
        if _settle_once(services, upload, place, facts):
            return
    raise RetryableError(f"others kept moving the training {place.name}")


def _read(services: Services, upload: Upload, place: Place) -> dict:
    """One pass over the bytes: their checksum, and whether job.toml is one. Raises InvalidFile, ObjectGone."""
    digest, held = hashlib.sha256(), b""
    if place.file == JOB and upload.size > MOST_BYTES:
        raise InvalidFile(Fault("bad_job", f"job.toml has {upload.size:,} bytes; {MOST_BYTES:,} are the most", ADVICE))
    with RangedObject(services.s3, upload.version) as body:
        while block := body.read(CHUNK):
            digest.update(block)
            held = held + block if place.file == JOB else b""
    if place.file == JOB:
        _check_job(services, parse(held))
    return {"sha256": digest.hexdigest(), "format": "training"}


def _check_job(services: Services, job: JobFile) -> None:
    """Raises InvalidFile for a job that could be spread over no machine."""
    try:
        spread(job, has_smp(services.settings.training_image))
    except DistributionRefused as error:
        raise InvalidFile(Fault("bad_job", str(error), ADVICE, name=JOB)) from error


def _settle_once(services: Services, upload: Upload, place: Place, facts: dict) -> bool:
    """False: someone was first, or something was put right, and all must be looked at again."""
    if upload.state == "WAITING" and is_gone(services.s3, upload):
        return services.ledger.move(upload, "WITHDRAWN", reason="deleted_while_it_waited")
    found = services.ledger.data_set(place.set_name)
    before = _holder(services, found, place.file, upload)
    if before and before is not upload and before.version.order > upload.version.order:
        reject(services, upload, superseded(before))
        return True
    seated = found.seated(place.file, upload.id)
    if len(seated.seats) > MOST_SEATS:
        raise InvalidFile(_too_many(place))
    head = _holder(services, seated, JOB, upload)
    if head and (head is upload or head.state == "WAITING"):
        files: dict[str, Upload | None] = {}
        try:
            job = _job(services, head)
            files = {name: _holder(services, seated, name, upload) for name in job.data.files}
            if all(files.values()):
                arrival = Arrival(upload, facts, _superseded(services, before, upload))
                return go_on(services, place, seated, arrival, head, job, files)
        except ObjectGone:
            named = [one for one in files.values() if one]
            if not any(_may_be_archived_now(services, one) for one in (head, *named)):
                return _withdraw(services, head, named)
    return upload.state == "WAITING" or _wait(services, upload, before, seated, facts)


def _wait(services: Services, upload: Upload, before: Upload | None, seated: DataSet, facts: dict) -> bool:
    steps = [Step(upload, "WAITING", facts | {"waiting_since": now()}), *_superseded(services, before, upload)]
    return services.ledger.move_together(steps, pair=seated)


def _superseded(services: Services, before: Upload | None, upload: Upload) -> list[Step]:
    """The end of an earlier version, if one still waits in the seat."""
    if before is None or before is upload or before.state != "WAITING":
        return []
    refused = superseded(upload)
    reason(services, before, refused)
    mail(services, [before], refused, read=False)
    return [Step(before, "REJECTED", {"reason": refused["code"]})]


def _too_many(place: Place) -> Fault:
    advice = "Drop the data as one file, or a file for each split, under a new name of training."
    return Fault("too_many_files", f"{MOST_SEATS} other files lie under training/{place.name}/", advice)


def _holder(services: Services, found: DataSet, file: str, upload: Upload) -> Upload | None:
    """Who sits there, which may be `upload` itself; None if nobody does who counts."""
    upload_id = found.seats.get(file, "")
    if upload_id == upload.id:
        return upload
    holder = services.ledger.upload(upload_id) if upload_id else None
    return holder if holder and holder.state in LIVE else None


def _job(services: Services, head: Upload) -> JobFile:
    with RangedObject(services.s3, head.version) as body:
        return parse(body.read())


def _withdraw(services: Services, head: Upload, files: list[Upload]) -> bool:
    """Note which files were deleted while they waited; if none was, an archived one is lacking, so reject job.toml."""
    gone = [one for one in (head, *files) if one.state != "ARCHIVED" and is_gone(services.s3, one)]
    for one in gone:
        services.ledger.move(one, "WITHDRAWN", reason="deleted_while_it_waited")
    if not gone:
        reject(services, head, rejection(InvalidFile(_archived())))
    logger().info("files of a training are gone", extra={"uploads": [one.id for one in gone]})
    return False


def _may_be_archived_now(services: Services, upload: Upload) -> bool:
    """Whether a VALIDATED file is gone, and has all it came for: then archive says whether it was archived or deleted,
    and the set is looked at again."""
    if upload.state != "VALIDATED" or not is_gone(services.s3, upload):
        return False
    return may_be_archived(upload, services.ledger.deciding(upload))


def _archived() -> Fault:
    message = "its data were archived after an earlier training, and what was prepared of them has expired"
    return Fault("data_archived", message, "Drop the data files again, and then job.toml.")
