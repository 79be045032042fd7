"""The lease of the invocation that copies a large upload in parts, so that no other copies the same parts beside it.

A copy of several hundred GB takes many invocations; each sends the message for the next. Meanwhile the
reconciler, or a message that SQS delivers twice, would start another chain. An invocation therefore writes the time
into the record (`copying_since`) before it copies parts; others acknowledge their message during the next LEASE
minutes. The lease only saves work: S3 completes one copy, whatever happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.records import apply_facts
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import minutes_ago, now
from seqdrop.stages.landed import LEASE

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def is_being_copied(upload: Upload) -> bool:
    """Return True if an invocation probably copies the upload in parts now. A move ends the lease.

    A lease from the future does not count: a clock was set back.
    """
    return minutes_ago(LEASE) < upload.copying_since <= now()


def begin_copying(services: Services, upload: Upload) -> Upload | None:
    """Take the lease of a VALIDATED upload, and return its record.

    Return None if another invocation copies the upload, or has just archived it. The message must then be acknowledged.
    """
    current: Upload | None = upload
    while current and current.state == "VALIDATED" and not is_being_copied(current):
        lease = {"copying_since": now()}
        if services.ledger.note(current, **lease):
            return apply_facts(current, lease)
        current = services.ledger.reread(current)
    logger().info("another invocation copies the upload", extra={"upload_id": upload.id})
    return None


def end_copying(services: Services, upload: Upload) -> Upload | None:
    """Give up a lease, so that the next message may continue the copy; return the record as it then is."""
    current = services.ledger.reread(upload)
    if current and current.copying_since == upload.copying_since:
        if services.ledger.note(current, copying_since=""):
            return apply_facts(current, {"copying_since": ""})
        current = services.ledger.reread(upload)
    return current
