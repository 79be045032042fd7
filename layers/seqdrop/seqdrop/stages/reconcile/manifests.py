"""The manifest of each day: the chain of receipts (docs/receipts.md), made after midnight UTC, exactly once.

The position CHAIN in the ledger has the last manifest. Before a manifest is written, its key is reserved there; the
object is then written on the condition that there is none. So all overlapping runs, and a run after a crash, write the
same key, and one of them succeeds. What it wrote is read by the others, and advances the position.
"""

from __future__ import annotations

import hashlib
import heapq
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.archive.manifest import make_manifest, parse_manifest
from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict
from seqdrop.errors import RetryableError
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, format_json, iso, now
from seqdrop.stages.archive.receipt_writing import REWRITTEN
from seqdrop.stages.archive.receipts import read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.archive.manifest import Entry, Link, Manifest
    from seqdrop.ledger.coordination import Position
    from seqdrop.ledger.records import Upload

CHAIN = "receipt chain"  # name of the position in the ledger
MOST = 20_000  # uploads in one manifest, about 5 MB; the rest are in further manifests of the day
MOST_READ = 2000  # receipts in one manifest whose SHA-256 the ledger lacks: those of earlier versions
PARALLEL = 10  # the size of a client's connection pool
START = "0"


def write_manifest(services: Services) -> int:
    """Write the manifest of the day before, if it is due and something is new; return the number of manifests.

    Complete one that a crashed run has begun. Raise RetryableError if a reserved manifest cannot be read.
    """
    position = services.ledger.position(CHAIN)
    if not position.place.get("making"):
        entries, until = _collect(services, position)
        if not entries:
            return 0
        making = _next_key(position, _last_day(services))
        position = replace(position, place={**position.place, "making": making})
        if not services.ledger.save(position):
            return 0  # another run makes it
        position = services.ledger.position(CHAIN)
        if not position.place.get("making"):
            return 0
    else:
        entries, until = _collect(services, position)
    return _complete(services, position, entries, until)


def find_head(position: Position) -> Link | None:
    """Return the last manifest that the position names; None if there is none yet."""
    place = position.place
    if not place.get("key"):
        return None
    return {"manifest": int(place["number"]), "key": place["key"], "sha256": place["sha256"]}


def _complete(services: Services, position: Position, entries: list[Entry], until: str) -> int:
    """Write the reserved manifest, or read it, and advance the position; return 1 if this run did that."""
    key, previous = position.place["making"], find_head(position)
    date = key.removeprefix(keys.MANIFESTS)[: len("2026-02-01")]
    body = format_json(make_manifest(date, until, previous, entries))
    try:
        services.put_bytes(services.settings.results, key, body, IfNoneMatch="*")
    except ClientError as error:
        if not is_conflict(error):
            raise
        stored = read_stored(services.s3, services.settings.results, key)
        if stored is None:
            raise RetryableError("the manifest that another run was writing is not there yet") from error
        body = stored.body
    manifest = parse_manifest(body)
    if manifest is None or manifest["previous"] != previous:
        raise RetryableError(f"{key} is in the results bucket, and was not written by Seqdrop; see docs/receipts.md")
    number, digest = str(manifest["manifest"]), hashlib.sha256(body).hexdigest()
    place = {"after": manifest["until"], "number": number, "key": key, "sha256": digest, "unmailed": "yes"}
    _drop_announcements(services, manifest)
    if not services.ledger.save(replace(position, place=place)):
        return 0
    logger().info("wrote a manifest", extra={"manifest": manifest["manifest"], "entries": manifest["count"]})
    return 1


def _next_key(position: Position, date: str) -> str:
    """Return the key of the next manifest: that of the day, or the next in order if that exists."""
    last, count = position.place.get("key", ""), 1
    while keys.manifest(date, count) <= last:
        count += 1
    return keys.manifest(date, count)


def _last_day(services: Services) -> str:
    """Return the last day that a manifest may cover."""
    return (datetime.fromisoformat(_midnight(services)) - timedelta(days=1)).date().isoformat()


def _midnight(services: Services) -> str:
    """Return the beginning of the day (UTC); that of the day before if the index may still lack its last uploads."""
    today = clock.utc_now()
    complete = today - timedelta(minutes=services.settings.stale_minutes)
    return iso(datetime.combine(min(today.date(), complete.date()), datetime.min.time(), tzinfo=today.tzinfo))


def _collect(services: Services, position: Position) -> tuple[list[Entry], str]:
    """Return the entries of the next manifest, and the time up to which uploads were taken."""
    after, before = position.place.get("after", START), _midnight(services)
    if after >= before:
        return [], after
    announced = _rewritten(services, before)
    uploads, until = _take(services, after, before)
    with ThreadPoolExecutor(PARALLEL) as threads:
        entries = threads.map(partial(_describe, services), uploads)
        again = threads.map(partial(_describe_again, services), announced)
        return [*chain.from_iterable(entries), *chain.from_iterable(again)], until


def _take(services: Services, after: str, before: str) -> tuple[list[Upload], str]:
    """Return uploads by the time of their move to one of three states, and that of the last one.

    They are those that were archived, that a person asked to forget, and that are forgotten. A receipt is thus listed
    also if its upload was to be forgotten on the same day; a second time is harmless. Uploads of one moment are never
    divided between two manifests.
    """
    taken: list[Upload] = []
    unread, until = 0, after
    for upload in _moved_between(services, after, before):
        if (len(taken) >= MOST or unread >= MOST_READ) and moved_at(upload) > until:
            return taken, until
        taken.append(upload)
        unread += not upload.receipt_sha256 or upload.state == "FORGOTTEN"
        until = moved_at(upload)
    return taken, until


def _moved_between(services: Services, after: str, before: str) -> Iterator[Upload]:
    """Yield the uploads of the three states by the time of their move, after `after` and before `before`.

    A nudge changes the place in the index of an upload that is to be forgotten, so nudged ones are sorted here.
    """
    ends = [services.ledger.in_state(UPLOAD, state, before, after) for state in ("ARCHIVED", "FORGOTTEN")]
    asked = [upload for upload in _asked_since(services, after) if upload.pushes and moved_at(upload) < before]
    unchanged = (upload for upload in _asked_since(services, after) if not upload.pushes)
    for upload in heapq.merge(*ends, unchanged, sorted(asked, key=moved_at), key=moved_at):
        if after < moved_at(upload) < before:
            yield upload


def _asked_since(services: Services, after: str) -> Iterator[Upload]:
    uploads = services.ledger.in_state(UPLOAD, "FORGETTING", now(), after)
    return (upload for upload in uploads if moved_at(upload) > after)


def moved_at(upload: Upload) -> str:
    """Return when an upload moved to its state, whatever nudges it had since."""
    return upload.timeline.get(upload.state, upload.moved_at)


def _describe(services: Services, upload: Upload) -> list[Entry]:
    """Return the entries of an upload; no receipt if it is lost: it is announced when it is written again.

    A forgotten upload has its receipt, which may not have been listed before, and its tombstone.
    """
    entries = (
        [_recorded_entry(upload)] if upload.receipt_sha256 else _read(services, upload.id, keys.receipt(upload.id))
    )
    if upload.state == "FORGOTTEN":
        entries += _read(services, upload.id, keys.tombstone(upload.id))
    return entries


def _recorded_entry(upload: Upload) -> Entry:
    return {
        "upload": upload.id,
        "key": keys.receipt(upload.id),
        "sha256": upload.receipt_sha256,
        "version_id": upload.receipt_version or None,
    }


def _describe_again(services: Services, upload_id: str) -> list[Entry]:
    return [{**entry, "again": True} for entry in _read(services, upload_id, keys.receipt(upload_id))]


def _read(services: Services, upload_id: str, key: str) -> list[Entry]:
    """Return the entry of an object that is read for it; none if there is no such object."""
    stored = read_stored(services.s3, services.settings.results, key)
    if stored is None:
        return []
    return [{"upload": upload_id, "key": key, "sha256": stored.sha256, "version_id": stored.version_id or None}]


def _rewritten(services: Services, before: str) -> list[str]:
    place = services.ledger.position(REWRITTEN).place
    return sorted(upload_id for upload_id, at in place.items() if at < before)


def _drop_announcements(services: Services, manifest: Manifest) -> None:
    """Remove the announcements that a manifest answers. One that another writer keeps is only listed twice."""
    listed = {entry["upload"] for entry in manifest["entries"] if entry.get("again")}
    position = services.ledger.position(REWRITTEN)
    date = manifest["date"]
    kept = {name: at for name, at in position.place.items() if name not in listed or at[: len(date)] > date}
    if kept != position.place:
        services.ledger.save(replace(position, place=kept))
