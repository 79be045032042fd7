"""Object versions that landed: whether they are ours, and their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.lims_ids import read_lims_id
from seqdrop.ledger.moves import UNDECIDED
from seqdrop.ledger.records import Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.metrics import publish

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.uploads import UploadVersion


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

    If the reconciler made the record, it lacks S3's sequencer. An event that arrives later adds it. If events are sent,
    a new record gets the id that the lab's information system gave to the object.
    """
    create_record(services, version)
    upload = services.ledger.require_upload(version.id)
    if services.settings.event_bus and upload.revision == 1 and (lims_id := read_lims_id(services.s3, version)):
        services.ledger.note(upload, lims_id=lims_id)
        upload = services.ledger.require_upload(version.id)
    is_better = version.sequencer and not version.has_made_sequencer
    if is_better and upload.version.has_made_sequencer and upload.state in UNDECIDED:
        services.ledger.note(upload, sequencer=version.sequencer)
        return services.ledger.require_upload(version.id)
    return upload
