"""The end of an attempt that has no predictions: the lab is told, then the ledger."""

from __future__ import annotations

from seqdrop.ledger.moves import ATTEMPT, OPEN
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services


def fail_attempt(services: Services, attempt: Attempt, reason: str) -> None:
    """Move an attempt to FAILED, unless it is no longer as it was read: someone else was first.

    The upload stays in the landing bucket until it is replayed or released.
    """
    found = services.ledger.attempt(attempt.key)
    if found.state not in OPEN[ATTEMPT] or found.revision != attempt.revision:
        return
    upload = services.ledger.upload(attempt.upload_id)
    services.notify(
        f"Seqdrop: no predictions for {upload.key}",
        f"{upload.key} (upload {upload.id}), analysis {attempt.analysis}, attempt {attempt.number}\n{reason}\n"
        f"{what_next(upload)}\n",
    )
    services.ledger.move(attempt, "FAILED", reason=reason[:1000])
    logger().error("attempt failed", extra={"upload_id": upload.id, "analysis": attempt.analysis})


def what_next(upload: Upload) -> str:
    """What a person may do about an attempt that failed."""
    if upload.state == "ARCHIVED":
        return f"Earlier results stand, and the raw data is archived. `seqdrop replay {upload.id} --yes` tries again."
    return (
        "The file is valid and was left in the landing bucket. Once the cause is mended,\n"
        f"  seqdrop replay {upload.id} --yes    tries again;\n"
        f"  seqdrop release {upload.id} --yes   archives the file without predictions."
    )
