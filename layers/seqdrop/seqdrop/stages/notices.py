"""What a lab is told of an upload: its report, why it was rejected, and a mail of that."""

from __future__ import annotations

from seqdrop.examination import Examination
from seqdrop.ledger.records import Upload
from seqdrop.log import logger
from seqdrop.services import Services


def report(services: Services, upload: Upload, examination: Examination, mate: dict | None = None) -> None:
    """Write reports/. `mate` is what is known of the pair; left out where there is none."""
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id}
    content = {**place, **examination.report, **({"mate": mate} if mate else {})}
    services.put_json(services.settings.results, f"reports/{upload.id}.json", content)


def reason(services: Services, upload: Upload, refused: dict) -> None:
    """Write reasons/. `refused` is of `examination.rejection`."""
    content = {
        "upload": upload.id,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        **refused,
        "retryable": False,
        "file": "It was left where it lies. Once mended, drop it again; the old version may then be deleted.",
    }
    services.put_json(services.settings.results, f"reasons/{upload.id}.json", content)


def mail(services: Services, uploads: list[Upload], refused: dict) -> None:
    """One mail, of one upload or of two mates that were rejected with each other."""
    where = " (record {record}, line {line}, byte {byte})".format(**refused) if refused["record"] else ""
    keys = "\n".join(upload.key for upload in uploads)
    reasons = "".join(f"Reason: s3://{services.settings.results}/reasons/{one.id}.json\n" for one in uploads)
    services.notify(
        f"Seqdrop rejected {uploads[0].key}" + (" and its mate" if len(uploads) > 1 else ""),
        f"{keys}\n{refused['code']}: {refused['message']}{where}\n{refused['advice']}\n{reasons}",
    )


def reject(services: Services, upload: Upload, refused: dict) -> None:
    """Write the reason and tell the lab, then the ledger: told twice at the worst, never not at all."""
    reason(services, upload, refused)
    mail(services, [upload], refused)
    services.ledger.move(upload, "REJECTED", reason=refused["code"])
    logger().info("rejected", extra={"upload_id": upload.id, "code": refused["code"]})
