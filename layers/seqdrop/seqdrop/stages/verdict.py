"""What follows from an examination: an upload is accepted with its attempt, or rejected with its reason."""

from __future__ import annotations

from seqdrop.analyses import Analysis
from seqdrop.examination import Examination
from seqdrop.ledger.records import Upload
from seqdrop.log import logger
from seqdrop.results.reports import page_key, write_reports
from seqdrop.services import Services
from seqdrop.stages.road import hand_on


def settle(services: Services, upload: Upload, examination: Examination) -> None:
    """Bring a RECEIVED upload to VALIDATED or REJECTED."""
    write_reports(services.s3, services.settings.results, upload, examination)
    if examination.rejection:
        return reject(services, upload, examination.rejection, page=page_key(upload.id))
    analysis = Analysis.from_json(examination.plan)
    attempts = [examination.attempt(analysis.name)] if analysis.use else []
    services.ledger.move(upload, "VALIDATED", *attempts, **examination.facts)
    hand_on(services, services.ledger.upload(upload.id))


def reject(services: Services, upload: Upload, refused: dict, page: str = "") -> None:
    """Write the reason and tell the lab, then the ledger: told twice at the worst, never not at all.

    `page` is the key of its report, if the file was read at all.
    """
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
    report = f"Report: s3://{services.settings.results}/{page}\n" if page else ""
    services.notify(
        f"Seqdrop rejected {upload.key}",
        f"{upload.key}\n{refused['code']}: {refused['message']}{where}\n{refused['advice']}\n"
        f"Reason: s3://{services.settings.results}/{key}\n{report}",
    )
    services.ledger.move(upload, "REJECTED", reason=refused["code"])
    logger().info("rejected", extra={"upload_id": upload.id, "code": refused["code"]})
