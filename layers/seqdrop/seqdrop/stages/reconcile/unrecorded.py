"""Find uploads whose event never arrived: list the landing bucket, and compare it with the ledger.

A run lists at most MAX_PAGES pages. The ledger holds the position at which it stopped. The next run continues there;
after the end of the listing it starts again from the beginning.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqdrop.ledger.coordination import Position
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.services import Services, iso, minutes_ago
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef, ObjectVersionTypeDef

POSITION = "landing"  # name of the position in the ledger
MAX_PAGES = 10  # of 1,000 versions, in one run
MAX_IDS = 100  # in one call to the ledger


def resend_unrecorded(services: Services) -> int:
    """Send every version without a record to validate, if it is older than `stale_minutes`; return their number.

    If the event of a version is only late, validate receives the same message twice, which does no harm.
    """
    position, count = services.ledger.position(POSITION), 0
    for _ in range(MAX_PAGES):
        markers: dict[str, Any] = {**position.place}
        page = services.s3.list_object_versions(Bucket=services.settings.landing, **markers)
        count += _send_unrecorded(services, page.get("Versions", []))
        place = _next_place(page)
        if not services.ledger.save(replace(position, place=place)) or not place:
            break  # another invocation moved the position, or this was the end of the listing
        position = Position(POSITION, place, position.revision + 1)
    return count


def _next_place(page: ListObjectVersionsOutputTypeDef) -> dict[str, str]:
    if not page.get("IsTruncated"):
        return {}
    place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}
    return {name: value for name, value in place.items() if value}


def _send_unrecorded(services: Services, entries: Iterable[ObjectVersionTypeDef]) -> int:
    versions, count = list(_select_stale(services, entries)), 0
    for first in range(0, len(versions), MAX_IDS):
        batch = versions[first : first + MAX_IDS]
        unrecorded = services.ledger.select_unrecorded(version.id for version in batch)
        for version in batch:
            if version.id in unrecorded:
                services.send(services.settings.validate_queue, make_landed_message(version))
                count += 1
    return count


def _select_stale(services: Services, entries: Iterable[ObjectVersionTypeDef]) -> Iterator[UploadVersion]:
    """Yield the listed versions that are older than `stale_minutes`, without folder markers."""
    before = minutes_ago(services.settings.stale_minutes)
    for entry in entries:
        version = UploadVersion(
            bucket=services.settings.landing,
            key=entry["Key"],
            version_id=entry["VersionId"],
            size=entry["Size"],
            etag=entry["ETag"].strip('"'),
            sequencer=make_sequencer(entry["LastModified"]),
        )
        if iso(entry["LastModified"]) < before and not version.is_folder_marker:
            yield version


def make_sequencer(written: datetime) -> str:
    """Return a sequencer for a version whose event is lost. It sorts correctly among S3's sequencers of its key.

    S3's sequencers begin with the time of the write: seconds since 1970 in ten hexadecimal digits. That is not
    documented, but every example in S3's documentation shows it. If it were wrong, the older of two versions might be
    kept in a slot.
    """
    return f"{int(written.timestamp()):010X}00000000"
