"""What a lab is told of an upload: its report, why it was rejected, and a mail of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.kinds.plans import selection_of
from seqdrop.results.reports import write_reports
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload
    from seqdrop.report.schema import MateFacts
    from seqdrop.runtime.services import Services
    from seqdrop.work.examination import Examination


def report(services: Services, upload: Upload, examination: Examination, mate: MateFacts | None = None) -> None:
    """Write reports/. `mate` is what is known of the pair; left out where there is none."""
    write_reports(services.s3, services.settings.results, upload, examination, selection_of(examination), mate)


def report_content(services: Services, upload: Upload, content: dict) -> None:
    """Write reports/ of a valid file that no pass over records examined."""
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id, "valid": True}
    services.put_json(services.settings.results, keys.report(upload.id), place | content)


def reason(services: Services, upload: Upload, refused: Rejection) -> None:
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
    services.put_json(services.settings.results, keys.reason(upload.id), content)


def mail(
    services: Services, uploads: list[Upload], refused: Rejection, read: bool = True, other: str = "its mate"
) -> None:
    """One mail, of one upload or of two that were rejected with each other; `other` is what the second is to the first.

    What was not `read`, because of its key or its size, has no report.
    """
    where = " (record {record}, line {line}, byte {byte})".format(**refused) if refused["record"] else ""
    files = "\n".join(upload.key for upload in uploads)
    at = f"s3://{services.settings.results}/"
    places = "".join(f"Reason: {at}{keys.reason(one.id)}\n" for one in uploads)
    places += "".join(f"Report: {at}{keys.page(one.id)}\n" for one in uploads if read)
    services.notify(
        f"Seqdrop rejected {uploads[0].key}" + (f" and {other}" if len(uploads) > 1 else ""),
        f"{files}\n{refused['code']}: {refused['message']}{where}\n{refused['advice']}\n{places}",
    )


def reject(services: Services, upload: Upload, refused: Rejection, read: bool = False) -> None:
    """Write the reason and tell the lab, then the ledger: told twice at the worst, never not at all."""
    reason(services, upload, refused)
    mail(services, [upload], refused, read)
    services.ledger.move(upload, "REJECTED", reason=refused["code"])
    logger().info("rejected", extra={"upload_id": upload.id, "code": refused["code"]})
