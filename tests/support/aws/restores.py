"""Restores of archived objects in memory: temporary copies that come after hours and expire after days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from tests.support.aws.buckets import Bucket, Version

HOURS = {
    ("DEEP_ARCHIVE", "Standard"): 12,
    ("DEEP_ARCHIVE", "Bulk"): 48,
    ("GLACIER", "Standard"): 5,
    ("GLACIER", "Bulk"): 12,
}
DAY = 24 * 3600


@dataclass(frozen=True)
class Restore:
    """A restore of one version: its temporary copy is there from `ready` to `gone`, in seconds since 1970."""

    ready: float
    gone: float

    def field(self, now: float) -> str:
        """Return the field `Restore` of HeadObject."""
        if now < self.ready:
            return 'ongoing-request="true"'
        if now >= self.gone:
            return ""
        date = format_datetime(datetime.fromtimestamp(self.gone, UTC), usegmt=True)
        return f'ongoing-request="false", expiry-date="{date}"'


class Restores:
    """The part of S3 that restores. `on_restore` is called with bucket, version and restore when one begins."""

    def restore_object(self, request: dict, headers: dict) -> dict:
        version = self._find(request, "NoSuchKey", "NoSuchVersion")
        bucket, wanted = self._bucket(request["Bucket"]), request["RestoreRequest"]
        tier = wanted.get("GlacierJobParameters", {}).get("Tier", "Standard")
        if version.storage not in ("GLACIER", "DEEP_ARCHIVE"):
            code = "InvalidObjectState" if version.storage == "GLACIER_IR" else "ObjectAlreadyInActiveTierError"
            raise RefusedError(code, "Restore is not allowed for the object's current storage class", 403)
        if (version.storage, tier) not in HOURS:
            raise RefusedError("InvalidArgument", "Retrieval option is not supported by this storage class", 400)
        now = self._clock.now.timestamp()
        if version.restore and now < version.restore.ready:
            raise RefusedError("RestoreAlreadyInProgress", "Object restore is already in progress", 409)
        is_there = bool(version.restore and now < version.restore.gone)
        ready = version.restore.ready if is_there else now + 3600 * HOURS[version.storage, tier]
        restore = Restore(ready, _midnight_after(max(ready, now) + wanted["Days"] * DAY))
        self.change(bucket.name, version.key, version.id, restore=restore)
        self._on_restore(bucket, replace(version, restore=restore), is_there)
        return {}

    def _on_restore(self, bucket: Bucket, version: Version, is_there: bool) -> None:
        """Called when a restore begins, or (`is_there`) when the copy that is there stays longer."""


def _midnight_after(seconds: float) -> float:
    """Return the next midnight in UTC, to which S3 rounds the time of expiry up."""
    moment = datetime.fromtimestamp(seconds, UTC)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (day if day == moment else day + timedelta(days=1)).timestamp()
