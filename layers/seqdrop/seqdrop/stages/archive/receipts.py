"""Receipts: the proof of an archived copy. The reconciler uses this module to find uploads without a receipt."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NotRequired, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from seqdrop.aws import keys, multipart
from seqdrop.aws.s3 import exists
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, minutes_ago

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.stages.archive.cold_copy import VerifiedCopy

MINIMUM_DAYS = 180
# Bytes that S3 bills for each object besides its own, at the rates of Deep Archive and of Standard: index and metadata.
# A restore does not bill them.
OVERHEAD_DEEP_ARCHIVE, OVERHEAD_STANDARD = 32 * 1024, 8 * 1024
POSITION = "receipts"  # name of the position in the ledger
MAX_UPLOADS = 2000  # in one run


class LandingObject(TypedDict):
    """The object that was validated. `sha256_of_parts` and `part_size` (bytes) exist if it was copied in parts."""

    bucket: str
    key: str
    version_id: str
    size: int
    etag: str
    sha256: str
    sha256_of_parts: NotRequired[str]
    part_size: NotRequired[int]


class RestoreTerms(TypedDict):
    """How long a restore takes, and what it costs per GB (10⁹ bytes) and, in `usd`, for the whole object."""

    hours_at_most: int
    usd_per_gb: float
    usd: NotRequired[float]


class Overhead(TypedDict):
    """Bytes that are billed in addition to the size, at the rate of each storage class."""

    deep_archive: int
    standard: int


class Receipt(TypedDict):
    """The content of `receipts/<upload id>.json`. `predictions` exists if a person released the upload without them."""

    upload: str
    landing: LandingObject
    archive: VerifiedCopy
    predictions: NotRequired[str]
    verified_at: str
    billed_at_least_days: int
    billed_overhead_bytes: Overhead
    restore: dict[str, RestoreTerms]


# us-east-1, from the S3 pricing page of 2025; other regions differ a little.
RESTORE: dict[str, RestoreTerms] = {
    "bulk": {"hours_at_most": 48, "usd_per_gb": 0.0025},
    "standard": {"hours_at_most": 12, "usd_per_gb": 0.02},
}


def make_receipt(upload: Upload, copy: VerifiedCopy, now: str) -> Receipt:
    """Return the proof of a copy: the checksums of both objects, and the time and price of a restore."""
    receipt: Receipt = {
        "upload": upload.id,
        "landing": _describe_landing(upload),
        "archive": copy,
        "verified_at": now,
        "billed_at_least_days": MINIMUM_DAYS,
        "billed_overhead_bytes": {"deep_archive": OVERHEAD_DEEP_ARCHIVE, "standard": OVERHEAD_STANDARD},
        "restore": {tier: _price(terms, upload.size) for tier, terms in RESTORE.items()},
    }
    if explanation := _explain_release(upload):
        receipt["predictions"] = explanation
    return receipt


def _explain_release(upload: Upload) -> str:
    """Return why an upload was archived without predictions; "" if no person released it."""
    return f"released without, by a person, {upload.released_at}" if upload.released_at else ""


def _describe_landing(upload: Upload) -> LandingObject:
    landing: LandingObject = {
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        "size": upload.size,
        "etag": upload.etag,
        "sha256": upload.sha256,
    }
    if multipart.needs_multipart(upload.size):
        landing["sha256_of_parts"] = upload.sha256_of_parts
        landing["part_size"] = multipart.PART
    return landing


def _price(terms: RestoreTerms, size: int) -> RestoreTerms:
    return {**terms, "usd": round(size / 1e9 * terms["usd_per_gb"], 6)}


def has_receipt(services: Services, upload: Upload) -> bool:
    """Return True if the receipt of an archived upload exists."""
    return exists(services.s3, services.settings.results, keys.receipt(upload.id))


def _is_proven(services: Services, upload: Upload) -> bool:
    """Return True if the receipt exists; False also if S3 raises an error, so that the others are checked as well."""
    try:
        return has_receipt(services, upload)
    except (ClientError, BotoCoreError):
        logger().exception("receipt not checked", extra={"upload_id": upload.id})
        return False


def resend_unreceipted(services: Services) -> int:
    """Send every upload without a receipt that was archived since the last run to archive; return their number.

    At most MAX_UPLOADS are checked in one run. The next run continues after them.
    """
    position = services.ledger.position(POSITION)
    after, before = position.place.get("after", "0"), minutes_ago(services.settings.stale_minutes)
    if after >= before:
        return 0
    last, count = after, 0
    for upload in islice(services.ledger.in_state(UPLOAD, "ARCHIVED", before, after), MAX_UPLOADS):
        if not _is_proven(services, upload):
            services.send(services.settings.archive_queue, {"upload": upload.id})
            count += 1
        last = upload.moved_at
    if last != after:
        services.ledger.save(replace(position, place={"after": last}))
    return count
