"""Uploads of which no event ever came: the landing bucket is listed, a stretch at a time, and compared with the ledger.

Where a stretch ends is kept in the ledger, so that the next run goes on there, and the one after the end begins anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger.coordination import Position
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.services import Services, iso, minutes_ago
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

LISTING = "landing"  # name of the position
MOST_PAGES = 10  # of 1,000 versions, in one run
MOST_IDS = 100  # that one call asks the ledger for


def send_unrecorded(services: Services) -> int:
    """Send every version without a record to validate, if it has lain for `stale_minutes`. Answers how many.

    Safe beside everything else: a version whose event is only late gets the same message twice.
    """
    position, sent = services.ledger.position(LISTING), 0
    for _ in range(MOST_PAGES):
        page = services.s3.list_object_versions(Bucket=services.settings.landing, **position.place)
        sent += _send(services, page.get("Versions", []))
        place = _next_place(page)
        if not services.ledger.save(replace(position, place=place)) or not place:
            break  # another reconciler is at it, or this was the end
        position = Position(LISTING, place, position.revision + 1)
    return sent


def _next_place(page: dict) -> dict[str, str]:
    if not page.get("IsTruncated"):
        return {}
    place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}
    return {name: value for name, value in place.items() if value}


def _send(services: Services, listed: Iterable[dict]) -> int:
    lying, sent = _lying(services, listed), 0
    for some in _in_batches(lying):
        unknown = services.ledger.select_unrecorded(one.id for one in some)
        for version in some:
            if version.id in unknown:
                services.send(services.settings.validate_queue, make_landed_message(version))
                sent += 1
    return sent


def _lying(services: Services, listed: Iterable[dict]) -> Iterator[UploadVersion]:
    before = minutes_ago(services.settings.stale_minutes)
    for entry in listed:
        version = UploadVersion(
            bucket=services.settings.landing,
            key=entry["Key"],
            version_id=entry["VersionId"],
            size=entry["Size"],
            etag=entry["ETag"].strip('"'),
            sequencer=sequencer(entry["LastModified"]),
        )
        if iso(entry["LastModified"]) < before and not version.is_folder_marker:
            yield version


def sequencer(written: datetime) -> str:
    """A sequencer for a version whose event is lost, to be compared with those of others of its key.

    S3's begin with the second of the write, in ten hexadecimal digits. That is not documented but can be seen in every
    example of its documentation; where it were otherwise, of two versions in one pair's seat the older might be kept.
    """
    return f"{int(written.timestamp()):010X}00000000"


def _in_batches(versions: Iterable[UploadVersion]) -> Iterator[list[UploadVersion]]:
    found = list(versions)
    for first in range(0, len(found), MOST_IDS):
        yield found[first : first + MOST_IDS]
