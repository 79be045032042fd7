"""Find uploads whose event never arrived: list the landing bucket, and compare it with the ledger.

A run lists at most MAX_PAGES pages. The ledger holds the position at which it stopped. The next run continues there;
after the end of the listing it starts again from the beginning.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from seqdrop.ledger.coordination import Position
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.services import Services, iso, minutes_ago
from seqdrop.stages.landed import create_record
from seqdrop.stages.reconcile.backlog import has_backlog
from seqdrop.uploads import UploadVersion, make_sequencer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef, ObjectVersionTypeDef

POSITION = "landing"  # name of the position in the ledger
MAX_PAGES = 10  # of 1,000 versions, in one run
MAX_IDS = 100  # in one call to the ledger


def record_unrecorded(services: Services) -> int:
    """Record every version without a record that is older than `stale_minutes`; return their number.

    Each is also sent to validate, unless that has a backlog: then the event of the version probably waits in the queue.
    From then on the upload is nudged like any other, so its message is not sent again at each run.
    """
    position, count = services.ledger.position(POSITION), 0
    may_send = cache(lambda: not has_backlog(services, services.settings.validate_queue))  # asked if one is missing
    for _ in range(MAX_PAGES):
        markers: dict[str, Any] = {**position.place}
        page = services.s3.list_object_versions(Bucket=services.settings.landing, **markers)
        count += _record_all(services, page.get("Versions", []), may_send)
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


def _record_all(services: Services, entries: Iterable[ObjectVersionTypeDef], may_send: Callable[[], bool]) -> int:
    """Record the listed versions without a record. An error of one is logged and does not affect the others."""
    versions, count = list(_select_stale(services, entries)), 0
    for first in range(0, len(versions), MAX_IDS):
        batch = versions[first : first + MAX_IDS]
        unrecorded = services.ledger.select_unrecorded(version.id for version in batch)
        missing = [version for version in batch if version.id in unrecorded]
        outcomes = try_each(missing, partial(_record, services, may_send), lambda version: {"upload_id": version.id})
        count += sum(outcomes.results)
    return count


def _record(services: Services, may_send: Callable[[], bool], version: UploadVersion) -> bool:
    """Record a version, then send it. After a crash between the two it is nudged like any other RECEIVED upload."""
    is_new = create_record(services, version)
    if is_new and may_send():
        services.send(services.settings.validate_queue, make_landed_message(version))
    return is_new


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
