"""Archive objects that are restored: what S3 says of one, and its record in the ledger.

An event, a message and a row of a report only say where to look: S3 is asked by HeadObject, whose field `Restore` is
consistent. So events may come twice, late, in another order, or never.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.archive.storage_classes import CLASSES, storage_class
from seqdrop.aws.errors import is_denied, is_missing
from seqdrop.errors import RetryableError
from seqdrop.ledger.restore_records import ArchiveObject
from seqdrop.runtime.services import Services, iso, now

if TYPE_CHECKING:
    from seqdrop.archive.restore_plan import PlannedObject
    from seqdrop.ledger.records import Fact
    from seqdrop.ledger.restore_records import RestoreRequest

EXPIRY = re.compile(r'expiry-date="([^"]+)"')
KEPT_DAYS = 30  # after its temporary copy expired, the record of an object is removed by time-to-live
MAX_TRIES = 10  # a try fails only if another invocation succeeded
SLACK = timedelta(days=1)  # S3 rounds the time of expiry up to midnight


@dataclass(frozen=True)
class Status:
    """What S3 says of an archive object.

    `until` is when its temporary copy expires, "" if it has none. `is_readable` says that the class of the object needs
    no restore. `reason` says why it cannot be restored, "" if it can.
    """

    until: str = ""
    is_ongoing: bool = False
    is_readable: bool = False
    reason: str = ""

    def lasts(self, days: int) -> bool:
        """Return True if the temporary copy is there for this many days, give or take one."""
        return bool(self.until) and datetime.fromisoformat(self.until) >= clock.utc_now() + timedelta(days=days) - SLACK


def read_status(services: Services, item: PlannedObject) -> Status:
    """Return what S3 says of an object. Errors that may pass are raised."""
    try:
        head = services.s3.head_object(**item.version)
    except ClientError as error:
        if is_missing(error):
            return Status(reason="it is no longer in the archive bucket")
        if is_denied(error):
            return Status(reason="access to it is denied (AccessDenied)")
        raise
    return parse_restore(head.get("Restore", ""), head.get("StorageClass", "STANDARD"))


def parse_restore(field: str, class_name: str) -> Status:
    """Return what the field `Restore` of HeadObject says, such as `ongoing-request="false", expiry-date="…"`."""
    if class_name not in CLASSES or not storage_class(class_name).needs_restore:
        return Status(is_readable=True)
    date = EXPIRY.search(field)
    until = iso(parsedate_to_datetime(date[1])) if date else ""
    return Status(until if until > now() else "", 'ongoing-request="true"' in field)


def mark_restoring(services: Services, request: RestoreRequest, item: PlannedObject) -> None:
    """Record that S3 restores an object, or is about to be asked, and that a request waits for it."""
    hours = storage_class(item.storage_class).tiers[request.tier].hours_at_most
    due = iso(clock.utc_now() + timedelta(hours=hours))
    record = services.ledger.find_archive_object(item.id)
    waiting = record.requests if record else []
    requests = waiting if request.id in waiting else [*waiting, request.id]
    if record and record.state == "RESTORING" and requests == waiting:
        return
    facts: dict[str, Fact] = {"tier": request.tier, "days": request.days, "due_at": due, "requests": requests}
    mark(services, item, "RESTORING", **facts, until="", reason="", expires_at=0)


def mark_restored(services: Services, item: PlannedObject, until: str) -> None:
    """Record that the temporary copy of an object is there until this time."""
    mark(services, item, "RESTORED", until=until, reason="", expires_at=_expire(until))


def mark_failed(services: Services, item: PlannedObject, reason: str) -> None:
    """Record why an object cannot be restored."""
    mark(services, item, "FAILED", reason=reason, expires_at=_expire(now()))


def mark_expired(services: Services, item: PlannedObject) -> None:
    """Record that an object has no temporary copy any more."""
    record = services.ledger.find_archive_object(item.id)
    if record and record.state in ("RESTORING", "RESTORED"):
        mark(services, item, "EXPIRED", until="", expires_at=_expire(now()))


def mark(services: Services, item: PlannedObject, state: str, **facts: Fact) -> None:
    """Write the state of an object, whatever its record is. Raise RetryableError if others keep being first."""
    for _ in range(MAX_TRIES):
        record = services.ledger.find_archive_object(item.id)
        if record is None:
            new = ArchiveObject(state, id=item.id, bucket=item.bucket, key=item.key, version_id=item.version_id)
            if services.ledger.create(_with_facts(new, facts)):
                return
        elif record.state != state:
            if services.ledger.move(record, state, **facts):
                return
        elif _has(record, facts) or services.ledger.note(record, **facts):
            return
    raise RetryableError(f"other invocations kept changing the archive object {item.id}")


def _with_facts(record: ArchiveObject, facts: dict[str, Fact]) -> ArchiveObject:
    values: dict[str, Any] = {**vars(record), **facts}
    return ArchiveObject(**values)


def _has(record: ArchiveObject, facts: dict[str, Fact]) -> bool:
    return all(getattr(record, name) == value for name, value in facts.items() if name != "expires_at")


def _expire(time: str) -> int:
    return int((datetime.fromisoformat(time) + timedelta(days=KEPT_DAYS)).timestamp())
