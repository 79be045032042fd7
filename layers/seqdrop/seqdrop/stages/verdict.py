"""What follows from an examination: an upload is accepted with its attempt, or rejected with its reason."""

from __future__ import annotations

from seqdrop.analyses import Analysis
from seqdrop.examination import Examination
from seqdrop.ledger.records import Upload
from seqdrop.log import logger
from seqdrop.services import Services
from seqdrop.stages.road import hand_on


def settle(services: Services, upload: Upload, examination: Examination) -> None:
    """Bring a RECEIVED upload to VALIDATED or REJECTED."""
    _report(services, upload, examination)
    if examination.rejection:
        return reject(services, upload, examination.rejection)
    analysis = Analysis.from_json(examination.plan)
    attempts = [examination.attempt(analysis.name)] if analysis.use else []
    services.ledger.move(upload, "VALIDATED", *attempts, **examination.facts)
    hand_on(services, services.ledger.upload(upload.id))


def reject(services: Services, upload: Upload, refused: dict) -> None:
    """Write the reason and tell the lab, then the ledger: told twice at the worst, never not at all."""
    reason = {
        "upload": upload.id,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        **refused,
        "retryable": False,
        "file": "It was left where it lies. Once mended, drop it again; the old version may then be deleted.",
    }
    key = f"reasons/{upload.id}.json"
    services.put_json(services.settings.results, key, reason)
    where = " (record {record}, line {line}, byte {byte})".format(**refused) if refused["record"] else ""
    services.notify(
        f"Seqdrop rejected {upload.key}",
        f"{upload.key}\n{refused['code']}: {refused['message']}{where}\n{refused['advice']}\n"
        f"Reason: s3://{services.settings.results}/{key}\n",
    )
    services.ledger.move(upload, "REJECTED", reason=refused["code"])
    logger().info("rejected", extra={"upload_id": upload.id, "code": refused["code"]})


def _report(services: Services, upload: Upload, examination: Examination) -> None:
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id}
    services.put_json(
        services.settings.results, f"reports/{upload.id}.json", {**place, **examination.report, **examination.selection}
    )
