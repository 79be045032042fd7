"""Tombstones: `tombstones/<upload id>.json` says which archived copy was deleted on request, when, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict
from seqdrop.results.file_index import entry_key
from seqdrop.runtime.services import Services, format_json, now

if TYPE_CHECKING:
    from seqdrop.archive.receipt import Receipt
    from seqdrop.ledger.records import Upload


class ReceiptReference(TypedDict):
    """The receipt of the copy, which is kept: its key and the SHA-256 of its bytes."""

    key: str
    sha256: str


class Tombstone(TypedDict):
    """What was deleted. `results` are the prefixes and keys that were emptied in the results bucket.

    Who asked is not known: Seqdrop has no users of its own. CloudTrail has the caller of the command.
    """

    upload: str
    receipt: ReceiptReference
    landing: object
    archive: object
    reason: str
    asked_at: str
    due_at: str
    deleted_at: str
    results: list[str]


def write_tombstone(
    services: Services, upload: Upload, receipt: Receipt, receipt_sha256: str, results: list[str]
) -> None:
    """Write the tombstone of a copy that was just deleted, unless an earlier invocation wrote it."""
    tombstone: Tombstone = {
        "upload": upload.id,
        "receipt": {"key": keys.receipt(upload.id), "sha256": receipt_sha256},
        "landing": receipt["landing"],
        "archive": receipt["archive"],
        "reason": upload.forget_reason,
        "asked_at": upload.forget_asked_at,
        "due_at": upload.forget_due_at,
        "deleted_at": now(),
        "results": results,
    }
    try:
        services.put_bytes(
            services.settings.results, keys.tombstone(upload.id), format_json(tombstone), IfNoneMatch="*"
        )
    except ClientError as error:
        if not is_conflict(error):
            raise


def delete_results(services: Services, upload: Upload) -> list[str]:
    """Delete all versions of the results, reports and index entry of an upload; return their keys and prefixes."""
    analyses = {attempt.analysis for attempt in services.ledger.attempts(upload.id)}
    prefixes = [keys.upload_results(analysis, upload.id) for analysis in sorted(analyses)]
    prefixes += [keys.report(upload.id), keys.page(upload.id), keys.multiqc_prefix(upload.id)]
    prefixes += filter(None, [entry_key(upload)])
    for prefix in prefixes:
        _empty(services, prefix)
    return prefixes


def _empty(services: Services, prefix: str) -> None:
    s3, bucket = services.s3, services.settings.results
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for version in page.get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        for marker in page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
