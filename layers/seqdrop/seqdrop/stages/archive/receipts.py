"""Receipts: the proof of an archived copy, and the archived uploads that lack one."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.aws import keys, multipart
from seqdrop.aws.s3 import exists
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.services import Services, minutes_ago

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

# us-east-1, as the S3 pricing page gave it in 2025; other regions differ a little.
RESTORE = {
    "bulk": {"hours_at_most": 48, "usd_per_gb": 0.0025},
    "standard": {"hours_at_most": 12, "usd_per_gb": 0.02},
}
MINIMUM_DAYS = 180
CHECK = "receipts"  # name of the position
MOST = 2000  # uploads in one run


def _of_parts(upload: Upload) -> dict:
    """What the copy's checksum can be compared with where it is one of parts."""
    if not multipart.needs_multipart(upload.size):
        return {}
    return {"sha256_of_parts": upload.sha256_of_parts, "part_size": multipart.PART}


def _released(upload: Upload) -> dict:
    """That it has no predictions, and why it is archived all the same."""
    return {"predictions": f"released without, by a person, {upload.released_at}"} if upload.released_at else {}


def make_receipt(upload: Upload, copied: dict, now: str) -> dict:
    """The proof: checksums before and after, and what bringing the file back takes."""
    gigabytes = upload.size / 1e9
    return {
        "upload": upload.id,
        "landing": {
            "bucket": upload.bucket,
            "key": upload.key,
            "version_id": upload.version_id,
            "size": upload.size,
            "etag": upload.etag,
            "sha256": upload.sha256,
            **_of_parts(upload),
        },
        "archive": copied,
        **_released(upload),
        "verified_at": now,
        "billed_at_least_days": MINIMUM_DAYS,
        "restore": {
            tier: {**terms, "usd": round(gigabytes * terms["usd_per_gb"], 6)} for tier, terms in RESTORE.items()
        },
    }


def has_receipt(services: Services, upload: Upload) -> bool:
    """Whether the proof of an archived upload is where it should be."""
    return exists(services.s3, services.settings.results, keys.receipt(upload.id))


def send_unreceipted(services: Services) -> int:
    """Send every upload that was archived since the last run, and has no receipt, to archive. Answers how many."""
    position = services.ledger.position(CHECK)
    after, before = position.place.get("after", "0"), minutes_ago(services.settings.stale_minutes)
    if after >= before:
        return 0
    seen, sent = after, 0
    for upload in islice(services.ledger.in_state(UPLOAD, "ARCHIVED", before, after), MOST):
        seen = upload.moved_at
        if not has_receipt(services, upload):
            services.send(services.settings.archive_queue, {"upload": upload.id})
            sent += 1
    if seen != after:
        services.ledger.save(replace(position, place={"after": seen}))
    return sent
