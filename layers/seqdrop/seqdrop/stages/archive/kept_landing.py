"""The landing version of an archived upload that stays for `keep_days`, and its removal.

The time is recorded when the upload is archived. The reconciler finds versions that are due and sends their message;
the archive function removes them, because no other function may. Before that it looks once more for the copy: if the
copy is not the one of the receipt, the landing version may be the last of the file, and stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.ledger.kept_versions import KeptVersion
from seqdrop.ledger.records import Step
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, iso, now
from seqdrop.stages.archive.kept_copy import is_kept

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

MAX_DUE = 1000  # in one run of the reconciler
PAUSE = timedelta(days=1)  # between two messages, and two mails, about a version that could not be removed


def keep_until(services: Services, upload: Upload) -> str:
    """Return until when the landing version of an upload that is archived now stays; "" if it is removed at once."""
    days = services.analyses.keep_days_of(upload.key)
    return iso(clock.utc_now() + timedelta(days=days)) if days else ""


def remember(services: Services, upload_id: str, due_at: str) -> KeptVersion:
    """Return the record of a version that stays, to be written when its upload moves to ARCHIVED."""
    return services.ledger.kept_version(KeptVersion(upload_id)).until(due_at)


def compute_expiry(services: Services, kept_until: str) -> int:
    """Return when the record of an upload expires whose landing version stays until a time; 0 for never.

    The record must outlive the version, or the version would be taken for a new file.
    """
    return services.ledger.compute_expiry(kept_until or now())


def resend_due(services: Services) -> dict[str, int]:
    """Send the messages of archived uploads whose landing version is due to be removed, and log their number.

    The next message of each follows after PAUSE. Return no count, because each is a metric that costs money for ever.
    """
    count, next_at = 0, iso(clock.utc_now() + PAUSE)
    for upload_id in islice(services.ledger.kept_uploads(now()), MAX_DUE):
        record = services.ledger.kept_version(KeptVersion(upload_id))
        if record.due_at and record.due_at <= now() and services.ledger.save(record.until(next_at)):
            services.send(services.settings.archive_queue, {"upload": upload_id})
            count += 1
    if count:
        logger().info("landing versions are due", extra={"uploads": count})
    return {}


def remove_if_due(services: Services, upload: Upload) -> None:
    """Remove the landing version of an ARCHIVED upload if its time is over and its copy is still the one that it had.

    Notify the lab, and leave the version, if the copy is gone, differs, or will be removed by a lifecycle rule.
    """
    if not upload.kept_until or upload.kept_until > now():
        return
    if not is_kept(services, upload):
        _mail_unsafe(services, upload)
        return
    # By version id: no delete marker is left, and no other version of the key is touched.
    services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    tomorrow = int((datetime.fromisoformat(now()) + PAUSE).timestamp())
    record = services.ledger.kept_version(KeptVersion(upload.id)).removed(tomorrow)
    services.ledger.move_together([Step(upload, upload.state, {"kept_until": ""})], shared=record)
    logger().info("kept landing version removed", extra={"upload_id": upload.id})


def _mail_unsafe(services: Services, upload: Upload) -> None:
    bucket = services.settings.archive
    services.notify(
        f"Seqdrop keeps {upload.key} in the landing bucket",
        f"This file was archived, and its version in the landing bucket was to be removed after keep_days:\n"
        f"  {upload.key} (upload {upload.id})\n\n"
        "It was not removed, because its copy cannot be relied on: the copy is gone, differs from its receipt, or a "
        "lifecycle rule is about to remove it.\n"
        f"  s3://{bucket}/{upload.archive_key}\n\n"
        "Seqdrop looks again once a day. To archive the file anew, drop it again.\n",
    )
