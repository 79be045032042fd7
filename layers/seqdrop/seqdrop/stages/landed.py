"""Object versions that landed: whether they are ours, their records, and the lease of the invocation that reads one.

A queue may deliver several messages about one version. Only one invocation at a time reads the file: before it begins,
it writes the time into the record (`reading_since`). A message that arrives during the next LEASE minutes is
acknowledged. Nothing is lost by that: the message of the invocation that reads stays in the queue until it has ended,
and the reconciler nudges an upload that nevertheless stays RECEIVED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import UNDECIDED
from seqdrop.ledger.records import Upload, apply_facts
from seqdrop.runtime.log import logger
from seqdrop.runtime.metrics import publish
from seqdrop.runtime.services import minutes_ago, now

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.uploads import UploadVersion

LEASE = 15  # minutes; no invocation of a Lambda function lasts longer


def is_foreign(services: Services, version: UploadVersion) -> bool:
    """Return True if a version is not in the landing bucket of this stack. The event is then logged and counted.

    Its message must be acknowledged: a retry cannot help. Nothing is written to the ledger, except that a record that
    an earlier version of Seqdrop made of such an event is withdrawn, because it could never be read.
    """
    if version.bucket == services.settings.landing:
        return False
    logger().error(
        "event of another bucket refused; `seqdrop event` prints a true one",
        extra={"bucket": version.bucket, "landing": services.settings.landing, "upload_id": version.id},
    )
    publish(services.settings.stack, "validate", {"foreign_events": 1})
    upload = services.ledger.find_upload(version.id)
    if upload and upload.state == "RECEIVED":
        services.ledger.move(upload, "WITHDRAWN", reason="foreign_bucket")
    return True


def create_record(services: Services, version: UploadVersion) -> bool:
    """Create the record of an upload; return False if it exists already."""
    analysis = services.analyses.for_key(version.key)
    name, prefix = (analysis.name, analysis.prefix) if analysis else ("", "")
    return services.ledger.create(Upload.from_version(version, name, prefix))


def record(services: Services, version: UploadVersion) -> Upload:
    """Create the record of an upload unless it exists, and return it.

    If the reconciler made the record, it lacks S3's sequencer. An event that arrives later adds it.
    """
    create_record(services, version)
    upload = services.ledger.require_upload(version.id)
    is_better = version.sequencer and not version.has_made_sequencer
    if is_better and upload.version.has_made_sequencer and upload.state in UNDECIDED:
        services.ledger.note(upload, sequencer=version.sequencer)
        return services.ledger.require_upload(version.id)
    return upload


def is_being_read(upload: Upload) -> bool:
    """Return True if an invocation probably reads the upload now. A move ends the lease.

    A lease from the future does not count: a clock was set back.
    """
    return minutes_ago(LEASE) < upload.reading_since <= now()


def begin_reading(services: Services, upload: Upload) -> Upload | None:
    """Take the lease of a RECEIVED upload, and return its record.

    Return None if another invocation reads the upload, or has just advanced it. The message must then be acknowledged.
    """
    current: Upload | None = upload
    while current and current.state == "RECEIVED" and not is_being_read(current):
        lease = {"reading_since": now()}
        if services.ledger.note(current, **lease):
            return apply_facts(current, lease)
        current = services.ledger.reread(current)
    logger().info("another invocation reads the upload", extra={"upload_id": upload.id})
    return None


def end_reading(services: Services, upload: Upload) -> None:
    """Give up the lease after an error, so that the next delivery of the message may read the upload again."""
    current = services.ledger.reread(upload)
    if current and current.reading_since == upload.reading_since:
        services.ledger.note(current, reading_since="")
