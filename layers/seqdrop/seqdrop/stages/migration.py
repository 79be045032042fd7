"""Models and code of jobs that an earlier version stored in the results bucket, copied once to the models bucket.

Until 0.2, the prefixes of `keys.MODELS` lay in the results bucket. After an upgrade the reconciler copies them: for
each pointer first the objects that it names as current, then the pointer, and then all other objects. An object that
exists in the models bucket is not copied again, so an interrupted run is continued by the next one. At the end the
ledger records that the copy is complete. From then on they are never read from the results bucket again, because
people may write to it. The earlier objects stay where they are.

A stage that needs a pointer calls `check_migration` first. It waits only for pointers that are still to be copied, so a
new stack waits for nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.aws import keys, multipart
from seqdrop.aws.s3 import exists
from seqdrop.aws.server_copy import ConflictError, Source, copy_object
from seqdrop.errors import NotMigratedError
from seqdrop.models import pointers
from seqdrop.models.pins import hash_object
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.models.pointers import Target

POSITION = "models"  # name of the ledger's record; its `place` has the time at which the copy was complete
BUDGET = timedelta(minutes=8)  # for the copies of one run of the reconciler, which may take 15 minutes
POINTER = "current.json"


def check_migration(services: Services, pointer: str) -> None:
    """Raise NotMigratedError if an earlier version stored this pointer and the reconciler has not copied it yet."""
    s3, settings = services.s3, services.settings
    if is_migrated(services) or exists(s3, settings.models, pointer):
        return
    if exists(s3, settings.results, pointer):
        raise NotMigratedError(f"the reconciler has not yet copied {pointer} to the models bucket; wait a few minutes")


def is_migrated(services: Services) -> bool:
    """Return True if the copy is complete."""
    return bool(services.ledger.position(POSITION).place)


def migrate(services: Services) -> int:
    """Copy what is missing in the models bucket, for at most BUDGET; return the number of objects that were copied.

    Do nothing once the copy was complete.
    """
    position = services.ledger.position(POSITION)
    if position.place:
        return 0
    sizes = _list_sizes(services, services.settings.results)
    copied = _list_sizes(services, services.settings.models) if sizes else {}
    end, count = clock.utc_now() + BUDGET, 0
    missing = (key for key in dict.fromkeys(_order(services, sizes)) if _is_pointer(key) or key not in copied)
    for key in missing:
        if clock.utc_now() > end:
            return count
        _copy(services, key, sizes[key])
        count += 1
    services.ledger.save(replace(position, place={"migrated": now()}))
    logger().info("models and code of jobs are in the models bucket", extra={"objects": count})
    return count


def _list_sizes(services: Services, bucket: str) -> dict[str, int]:
    """Return the size of each object below the prefixes of models and code."""
    pages = (
        page
        for prefix in keys.MODELS
        for page in services.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    )
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


def _order(services: Services, sizes: dict[str, int]) -> Iterator[str]:
    """Yield the keys in the order of the copies; a key may be repeated."""
    for name in filter(_is_pointer, sizes):
        pointer = pointers.read(services.s3, services.settings.results, name)
        current = pointer["current"] if pointer else None
        place = (current.get("key") or current.get("prefix")) if current else None
        yield from (key for key in sizes if place and key.startswith(place))
        yield name
    yield from sizes


def _is_pointer(key: str) -> bool:
    return key.rsplit("/", 1)[-1] == POINTER


def _copy(services: Services, key: str, size: int) -> None:
    """Copy an object. A simultaneous run may copy it first, which is the same."""
    s3, settings = services.s3, services.settings
    if _is_pointer(key):
        return _copy_pointer(services, key)
    etag = s3.head_object(Bucket=settings.results, Key=key)["ETag"]
    with suppress(ConflictError):
        copy_object(s3, Source(settings.results, key, size, etag), settings.models, key)
    return None


def _copy_pointer(services: Services, key: str) -> None:
    """Copy a pointer. If a push has written one since the upgrade, add the earlier targets to its history."""
    s3, settings = services.s3, services.settings
    earlier, present = pointers.read(s3, settings.results, key), pointers.read(s3, settings.models, key)
    if earlier is None:
        return
    for target in (earlier["current"], *earlier["history"]):
        _pin_large(services, target)
    if present is None:
        pointers.write(s3, settings.models, key, earlier)
    else:
        known = {target["digest"] for target in (present["current"], *present["history"])}
        added = [target for target in (earlier["current"], *earlier["history"]) if target["digest"] not in known]
        pointers.write(s3, settings.models, key, {**present, "history": [*present["history"], *added]})


def _pin_large(services: Services, target: Target) -> None:
    """Add the ETag of a copy that is too large for a SHA-256 in S3 to its target, if the original has the target's."""
    s3, settings, key = services.s3, services.settings, target.get("key", "")
    if not key or not exists(s3, settings.models, key):
        return
    head = s3.head_object(Bucket=settings.results, Key=key)
    if multipart.needs_multipart(head["ContentLength"]) and (
        hash_object(s3, settings.results, key, head["ETag"]) == target["digest"]
    ):
        target["etag"] = s3.head_object(Bucket=settings.models, Key=key)["ETag"].strip('"')
