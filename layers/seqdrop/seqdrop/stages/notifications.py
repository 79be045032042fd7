"""Reports, reasons and mails about an upload that was examined."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.ledger.moves import UNDECIDED
from seqdrop.ledger.run_record import run_id
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload
    from seqdrop.report.schema import MateFacts
    from seqdrop.runtime.services import Services
    from seqdrop.work.examination import Examination


@dataclass(frozen=True)
class RejectionMail:
    """How the mail of a rejection describes its uploads.

    `has_report` is False if no quality report was written, for example for a file that was rejected because of its key
    or its size. `other` is how the subject calls the second upload, after the key of the first.
    """

    has_report: bool = True
    other: str = "its mate"


def write_report(
    services: Services,
    upload: Upload,
    examination: Examination,
    archived: Upload | None = None,
    mate: MateFacts | None = None,
) -> None:
    """Write the reports of an examined upload.

    `archived` is an ARCHIVED upload of the same bytes (duplicates.find_archived), and `mate` the comparison with the
    mate; None if there is none.
    """
    # Most functions only send mails, and need neither kinds nor pages.
    from seqdrop.kinds.plans import selection_of
    from seqdrop.results import reports

    if archived:
        upload = replace(upload, duplicate_of=archived.id)
    reports.write_reports(services.s3, services.settings.results, upload, examination, selection_of(examination), mate)

    if upload.state not in UNDECIDED:  # the report of a mate is written again, which may be archived by now
        _refresh_page(services, upload)


def _refresh_page(services: Services, upload: Upload) -> None:
    from seqdrop.stages.file_pages import refresh_page

    refresh_page(services, upload)


def write_plain_report(services: Services, upload: Upload, content: Mapping[str, object]) -> None:
    """Write the JSON report of a valid file whose records were not examined."""
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id, "valid": True}
    services.put_json(services.settings.results, keys.report(upload.id), {**place, **content})


def write_reason(services: Services, upload: Upload, rejection: Rejection, *, has_report: bool = True) -> None:
    """Write `reasons/<upload id>.json` of a rejected upload, and its entry in the index of file names."""
    from seqdrop.stages.file_index import index_rejected  # most functions only send mails

    content = {
        "upload": upload.id,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        **rejection,
        "retryable": False,
        "file": "It was left in the landing bucket. Drop the corrected file; the old version may then be deleted.",
    }
    services.put_json(services.settings.results, keys.reason(upload.id), content)
    index_rejected(services, upload, rejection["code"], has_report=has_report)


def notifies_each(services: Services, upload: Upload) -> bool:
    """Return True if the rejection of an upload is a mail of its own.

    The files of a run are reported together, in the one mail about their run. A file that comes when its run is
    complete may be too late for that mail.
    """
    folder = services.analyses.run_folder(upload.key)
    run = services.ledger.find_run(run_id(upload.bucket, folder)) if folder else None
    return not folder or (run is not None and run.state in ("COMPLETE", "ARCHIVED"))


def mail_rejection(
    services: Services, uploads: Sequence[Upload], rejection: Rejection, mail: RejectionMail | None = None
) -> None:
    """Send one mail about one upload, or about two that were rejected because they do not fit each other.

    None is sent if the mail about their run names them (`notifies_each`).
    """
    if not any(notifies_each(services, upload) for upload in uploads):
        return
    mail = mail or RejectionMail()
    first, results = uploads[0], services.settings.results
    names = "\n".join(f"  {upload.key} (upload {upload.id})" for upload in uploads)
    rejected = "rejected these files and left them" if len(uploads) > 1 else "rejected this file and left it"
    message = (
        f"Seqdrop {rejected} in the landing bucket:\n{names}\n\n"
        f"Reason: {rejection['code']}: {rejection['message']}{_describe_place(rejection)}\n"
        f"What to do: {rejection['advice']}\n\n"
        "To see all errors:\n"
    )
    message += "".join(f"  aws s3 cp s3://{results}/{keys.reason(upload.id)} -\n" for upload in uploads)
    if mail.has_report:
        message += "To get the quality report, a web page:\n"
        message += "".join(f"  aws s3 cp s3://{results}/{keys.page(upload.id)} .\n" for upload in uploads)
    others = f" and {mail.other}" if len(uploads) > 1 else ""
    services.notify(f"Seqdrop rejected {first.key}" + others, message)


def _describe_place(rejection: Rejection) -> str:
    """Return the record, line and byte of the first error, in parentheses; "" if the error is not in a record."""
    return " (record {record}, line {line}, byte {byte})".format(**rejection) if rejection["record"] else ""


def reject(services: Services, upload: Upload, rejection: Rejection, has_report: bool = False) -> None:
    """Write the reason of a rejection, mail it, and then move the upload to REJECTED.

    In this order a crash may repeat the mail, but never leaves it out.
    """
    write_reason(services, upload, rejection, has_report=has_report)
    mail_rejection(services, [upload], rejection, RejectionMail(has_report))
    services.ledger.move(upload, "REJECTED", reason=rejection["code"])
    _refresh_page(services, upload)
    logger().info("rejected", extra={"upload_id": upload.id, "code": rejection["code"]})
