"""Uploads whose bytes S3 does not return: the reason for a rejection, or an error of the deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.config.analysis import READ_FORMATS
from seqdrop.errors import InvalidFileError, RetryableError
from seqdrop.stages.notifications import RejectionMail, mail_rejection, write_reason
from seqdrop.stages.outcomes import close_upload
from seqdrop.work.examination import rejection

if TYPE_CHECKING:
    from seqdrop.errors import Rejection, UnreadableObjectError
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def explain_unreadable(services: Services, error: UnreadableObjectError) -> Rejection:
    """Return the reason for a rejection.

    Raise RetryableError if the deployment's own key cannot be used: then the deployment is wrong, and not the object.
    """
    if error.key and error.key == services.settings.key:
        raise RetryableError(
            f"the deployment's own key {error.key} may not be used by this function, or is disabled. Enable the key, "
            "or deploy again to restore the permission; then re-send the messages with `seqdrop redrive`"
        ) from error
    return rejection(InvalidFileError(error.fault))


def reject_validated(services: Services, upload: Upload, error: UnreadableObjectError) -> None:
    """Move a VALIDATED upload to REJECTED because it became unreadable, after writing the reason and a mail."""
    reason = explain_unreadable(services, error)
    write_reason(services, upload, reason, has_report=upload.format in READ_FORMATS)
    mail_rejection(services, [upload], reason, RejectionMail(has_report=False))
    close_upload(services, upload, "REJECTED", reason=reason["code"])
