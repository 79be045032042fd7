"""Refusals of S3 that only a person can end: what is wrong, whether trying again can help, and what to do.

Nothing is lost meanwhile: the original stays in the landing bucket until its copy is verified and has a receipt. The
message fails, ends in the dead-letter queue, and raises an alarm. The lab gets a mail once for each kind of refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws.errors import code_of, is_denied, is_key_refusal, message_of
from seqdrop.errors import ArchiveRefusedError
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.exceptions import ClientError

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

REDRIVE = "seqdrop redrive archive --yes"
CREATES = frozenset({"CopyObject", "CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"})


@dataclass(frozen=True)
class Refusal:
    """A kind of refusal: its code in the ledger, what is wrong, and what to do. `retryable`: it may end by itself."""

    code: str
    wrong: str
    advice: str
    retryable: bool = False


KEY = Refusal(
    "key_refused",
    "the archive function may not use the KMS key of the archive bucket, or the key is disabled or about to be deleted",
    "Enable the key, and let the role of the archive function use it (kms:GenerateDataKey and kms:Decrypt).",
    retryable=True,
)
PERMISSION = Refusal(
    "copy_denied",
    "the archive function may not write to the archive bucket, or not read the original",
    "A policy of the bucket or of the organization denies it: allow what the template allows the role.",
    retryable=True,
)
CLASS = Refusal(
    "class_unknown",
    "S3 has no such storage class in this region",
    "Set another storage_class for the analysis in analyses.toml, then build and deploy.",
)
LOCK = Refusal(
    "lock_refused",
    "the Object Lock configuration of the archive bucket refuses the copy",
    "Look at `aws s3api get-object-lock-configuration`, and deploy with ArchiveLockDays and ArchiveLockMode.",
)
REMOVAL = Refusal(
    "removal_denied",
    "the copy is verified and has its receipt, but the version in the landing bucket may not be removed: Object Lock, "
    "a legal hold or a policy protects it",
    "Remove the protection of the version, or wait until its retention is over. It is not copied again.",
    retryable=True,
)


def find_refusal(error: ClientError) -> Refusal | None:
    """Return the kind of an error of S3; None if it is none that a person must end."""
    if error.operation_name == "DeleteObject":
        return REMOVAL if is_denied(error) else None
    if error.operation_name not in CREATES:
        return None
    if code_of(error) == "InvalidStorageClass":
        return CLASS
    if code_of(error) in ("InvalidRequest", "InvalidBucketState") and "lock" in message_of(error).lower():
        return LOCK
    if not is_key_refusal(error) or "Throttl" in code_of(error):
        return None
    return KEY if code_of(error).startswith("KMS.") or "kms" in message_of(error).lower() else PERMISSION


def report(services: Services, upload: Upload, error: ClientError) -> Exception:
    """Notify the lab of a refusal, once for each kind, and return the exception to raise: `error` if it is none."""
    refusal = find_refusal(error)
    if refusal is None:
        return error
    notify_once(services, upload, refusal.code, lambda: _mail(services, upload, refusal, code_of(error)))
    what = "may be tried again when that is repaired" if refusal.retryable else "is refused until that is changed"
    logger().error("S3 refused", extra={"upload_id": upload.id, "code": refusal.code, "error": code_of(error)})
    return ArchiveRefusedError(
        f"{refusal.wrong} ({code_of(error)}); the call {what}. {refusal.advice}", retryable=refusal.retryable
    )


def notify_once(services: Services, upload: Upload, code: str, mail: Callable[[], None]) -> None:
    """Send a mail about a refusal, unless the lab had it already in the upload's present state.

    A crash may repeat the mail, but never leaves it out.
    """
    current = services.ledger.reread(upload)
    if current and current.refusal != code:
        mail()
        services.ledger.note(current, refusal=code)


def _mail(services: Services, upload: Upload, refusal: Refusal, code: str) -> None:
    again = "Seqdrop tries again by itself, but" if refusal.retryable else "Trying again is no use by itself:"
    services.notify(
        f"Seqdrop cannot archive {upload.key}",
        f"S3 refused a call for this file with {code}:\n"
        f"  {upload.key} (upload {upload.id})\n\n"
        f"Cause: {refusal.wrong}.\n\n"
        f"The file was left in the landing bucket, and nothing is lost. {again} a person must end this.\n"
        f"{refusal.advice} Then run:\n  {REDRIVE}\n",
    )
