"""What the ledger says about the archive, read in portions that outlast an invocation.

Each portion is an object of the work bucket, whose name says where the next one begins. So an invocation continues
where an earlier one ran out of time, and a message that is delivered twice reads nothing twice.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.archive.claims import CLAIM, make_claim
from seqdrop.archive.inventory import to_milliseconds
from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.aws import keys
from seqdrop.ledger.moves import UPLOAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

PORTION = 100_000  # files
BEGINNING, END = "0", "end"


def collect(services: Services, inventory: str, before: str, has_time: Callable[[], bool]) -> NDArray[np.void] | None:
    """Return a row of CLAIM for each ARCHIVED upload; None if there was no time to read all of them.

    `inventory` names the portions. `before` is the last time of archiving that matters; it is the same in all
    invocations.
    """
    names = _list_portions(services, inventory)
    after = names[-1].rpartition("_")[2] if names else BEGINNING
    while after != END:
        if not has_time():
            return None
        known = _select_last(services, names[-1], after) if names else frozenset()
        rows, after = _read_portion(services, after, before, known)
        names.append(keys.inventory_portion(inventory, len(names), after))
        _store(services, names[-1], rows)
    return np.concatenate([_load(services, name) for name in names])


def _list_portions(services: Services, inventory: str) -> list[str]:
    pages = services.s3.get_paginator("list_objects_v2").paginate(
        Bucket=services.settings.work, Prefix=keys.inventory_portions(inventory)
    )
    return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


def _select_last(services: Services, name: str, moment: str) -> frozenset[bytes]:
    """Return the uploads of a portion that were archived at its last moment: the next query returns them again."""
    rows = _load(services, name)
    return frozenset(rows["upload"][rows["moved"] == to_milliseconds(moment)].tolist())


def _read_portion(
    services: Services, after: str, before: str, known: frozenset[bytes] = frozenset()
) -> tuple[NDArray[np.void], str]:
    """Return the next portion, without the uploads in `known`, and the time at which the following one begins.

    It is longer than PORTION if more files than that were archived in the same millisecond.
    """
    rows: list[tuple[int, int, int, int, bool, bytes]] = []
    last = after
    for count, upload in enumerate(services.ledger.in_state(UPLOAD, "ARCHIVED", before, after)):
        if count >= PORTION and after < last < upload.moved_at:
            return np.array(rows, CLAIM), last
        last = upload.moved_at
        if upload.archive_key and upload.id.encode() not in known:
            rows.append(_claim(upload))
    return np.array(rows, CLAIM), END


def _claim(upload: Upload) -> tuple[int, int, int, int, bool, bytes]:
    storage_class = upload.storage_class or DEEP_ARCHIVE
    bundled = upload.archive_key != keys.archived(upload.key, upload.id)
    moved = to_milliseconds(upload.moved_at)
    return make_claim(upload.id, upload.archive_key, upload.size, moved, storage_class, bundled)


def _store(services: Services, key: str, rows: NDArray[np.void]) -> None:
    content = io.BytesIO()
    np.save(content, rows, allow_pickle=False)
    services.s3.put_object(Bucket=services.settings.work, Key=key, Body=content.getvalue())


def _load(services: Services, key: str) -> NDArray[np.void]:
    body = services.s3.get_object(Bucket=services.settings.work, Key=key)["Body"].read()
    rows: NDArray[np.void] = np.load(io.BytesIO(body), allow_pickle=False)
    return rows
