"""Requests for restores, and the archive objects that they restore (docs/restore.md).

The files of a request are in its plan (archive/restore_plan.py), an object of the results bucket, because a run may
have more of them than a record can hold. The record has positions in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from seqdrop.ledger.moves import ARCHIVE_OBJECT, RESTORE
from seqdrop.ledger.records import Record

SLOWEST_DAYS = 2  # that S3 takes at most, for Bulk and DEEP_ARCHIVE


@dataclass(frozen=True)
class RestoreRequest(Record):
    """A person's request to make archived files readable for some days.

    `asked`, `back` and `copied` are positions in the plan: objects for which S3 was asked, objects that were looked at
    while all are awaited, and copies of files that were made. `round` grows whenever S3 is asked again, because a
    temporary copy expired before it was used.
    """

    id: str = ""
    selector: str = ""  # what the person named
    tier: str = ""
    days: int = 0
    to: str = ""  # prefix below restored/ in the results bucket where copies are kept; "" for none
    run: str = ""  # analysis that processes the files again; "" for none
    files: int = 0
    objects: int = 0
    bytes: int = 0  # of the objects
    usd: str = ""  # estimate that the person was shown
    round: int = 1
    asked: int = 0
    to_ask: int = 0  # objects in the manifest of S3 Batch Operations
    batch_job: str = ""  # id of the job of S3 Batch Operations; "" if S3 was asked for each object
    back: int = 0
    waits_for: str = ""  # id of the object that it waits for
    until: str = ""  # when the first temporary copy of those that are back expires
    failed: int = 0
    failures: list[str] = field(default_factory=list)  # for some of them: object key and reason
    copied: int = 0
    pending: list[str] = field(default_factory=list)  # multipart uploads of the copies from `copied` on
    reason: str = ""

    kind: ClassVar[str] = RESTORE

    @property
    def keys(self) -> dict[str, str]:
        """The request's primary key."""
        return restore_keys(self.id)

    @property
    def lasting_days(self) -> int:
        """Days for which S3 keeps temporary copies.

        If S3 is asked again, what is back must last until the rest is: otherwise short copies may never overlap.
        """
        return self.days if self.round == 1 else self.days + SLOWEST_DAYS

    @property
    def has_copies(self) -> bool:
        """Whether the files are copied when they are back."""
        return bool(self.to or self.run)


@dataclass(frozen=True)
class ArchiveObject(Record):
    """An object version of the archive bucket that is restored, or was. `requests` are those that wait for it."""

    id: str = ""  # as that of an upload: a digest of bucket, key and version id
    bucket: str = ""
    key: str = ""
    version_id: str = ""  # "" in a bucket without versions
    tier: str = ""
    days: int = 0
    due_at: str = ""  # when S3 should have restored it at the latest
    until: str = ""  # when the temporary copy expires
    requests: list[str] = field(default_factory=list)
    reason: str = ""  # why it could not be restored

    kind: ClassVar[str] = ARCHIVE_OBJECT

    @property
    def keys(self) -> dict[str, str]:
        """The object's primary key."""
        return archive_object_keys(self.id)

    def is_readable(self, now: str) -> bool:
        """Return True if the temporary copy is there at this time."""
        return self.state == "RESTORED" and now < self.until


def restore_keys(request_id: str) -> dict[str, str]:
    """Return the primary key of the request with this id."""
    return {"pk": f"RESTORE#{request_id}", "sk": "RESTORE"}


def archive_object_keys(object_id: str) -> dict[str, str]:
    """Return the primary key of the archive object with this id."""
    return {"pk": f"ARCHIVE_OBJECT#{object_id}", "sk": "ARCHIVE_OBJECT"}
