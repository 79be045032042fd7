"""Receipts: the proof of an archived copy. The reconciler uses this module to find uploads without a receipt."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from seqdrop.archive.storage_classes import GB, Tier, storage_class
from seqdrop.aws import keys, multipart
from seqdrop.aws.errors import is_missing
from seqdrop.aws.s3 import exists
from seqdrop.reads.checksums import algorithm_of
from seqdrop.runs.checksum_lists import OTHERS, find_kind
from seqdrop.runtime.log import logger
from seqdrop.stages.archive.archived_uploads import visit_archived

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.archive.receipt import LandingObject, ListedChecksum, Receipt, RestoreTerms, VerifiedCopy
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

POSITION = "receipts"  # name of the position in the ledger
MAX_UPLOADS = 2000  # in one run


def make_receipt(upload: Upload, copy: VerifiedCopy, now: str) -> Receipt:
    """Return the proof of a copy: the checksums of both objects, and the time and price of a restore.

    `restore` is empty if the storage class of the copy can be read at once. receipt_writing.py adds what version 2 has
    besides.
    """
    kept_as = storage_class(copy.get("storage_class", ""))
    receipt: Receipt = {
        "upload": upload.id,
        "landing": _describe_landing(upload),
        "archive": copy,
        "verified_at": now,
        "billed_at_least_days": kept_as.minimum_days,
        "billed_overhead_bytes": {kept_as.name.lower(): kept_as.overhead, "standard": kept_as.overhead_standard},
        "restore": {name.lower(): _price(tier, upload.size) for name, tier in kept_as.tiers.items()},
    }
    if upload.listed_by:
        receipt["checksum_list"] = _describe_list(upload)
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
        "format": upload.format,
        "sha256": upload.sha256,
    }
    if upload.crc32:
        landing["crc32"] = upload.crc32
    if upload.md5:
        landing["md5"] = upload.md5
    if upload.kept_until:
        landing["kept_until"] = upload.kept_until
    if multipart.needs_multipart(upload.size):
        landing["sha256_of_parts"] = upload.sha256_of_parts
        landing["part_size"] = multipart.part_size(upload.size)
    return landing


def _describe_list(upload: Upload) -> ListedChecksum:
    kind, value = find_kind(upload.listed_by), upload.listed_value
    says = kind.says if kind else OTHERS
    return {"key": upload.listed_by, "algorithm": algorithm_of(value), "value": value, "as": says}


def _price(tier: Tier, size: int) -> RestoreTerms:
    price = tier.usd_per_gb
    return {"hours_at_most": tier.hours_at_most, "usd_per_gb": price, "usd": round(size / GB * price, 6)}


def has_receipt(services: Services, upload: Upload) -> bool:
    """Return True if the receipt of an archived upload exists."""
    return exists(services.s3, services.settings.results, keys.receipt(upload.id))


@dataclass(frozen=True)
class StoredObject:
    """The bytes of an object as they are stored, with its version id ("" without versions) and its ETag."""

    body: bytes
    version_id: str
    etag: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes, hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


def read_stored(s3: S3Client, bucket: str, key: str) -> StoredObject | None:
    """Return an object of the results bucket; None if there is none."""
    try:
        response = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    with closing(response["Body"]) as body:
        return StoredObject(body.read(), response.get("VersionId", ""), response["ETag"])


def read_receipt(s3: S3Client, results: str, upload_id: str) -> Receipt | None:
    """Return the receipt of an upload from the results bucket; None if there is none."""
    stored = read_stored(s3, results, keys.receipt(upload_id))
    if stored is None:
        return None
    receipt: Receipt = json.loads(stored.body)
    return receipt


def read_copy_version(services: Services, upload: Upload) -> str | None:
    """Return the version id of the copy in the receipt of an upload; None if there is no receipt or no version."""
    receipt = read_receipt(services.s3, services.settings.results, upload.id)
    return receipt["archive"]["version_id"] if receipt else None


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

    def resend(upload: Upload) -> bool:
        if _is_proven(services, upload):
            return False
        services.send(services.settings.archive_queue, {"upload": upload.id})
        return True

    return visit_archived(services, POSITION, MAX_UPLOADS, resend)
