"""Read the uploads in a state a portion at a time, so that a run of the reconciler costs the same for any number.

A run of 100,000 files may wait for days for its end. The index returns an upload in about 1 KB, so a portion of 20,000
is about 2,500 read units, which cost 0.0003 dollars.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.services import Services, minutes_ago

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.records import Upload

MOST = 20_000  # uploads in one run of the reconciler


def next_portion(services: Services, name: str, state: str, most: int = MOST) -> Iterator[Upload]:
    """Yield at most `most` uploads in a state that have not moved for `stale_minutes`, the longest in it first.

    The next call continues after them, at the position `name`, and begins again after the last. The position is written
    when all were yielded, so a caller that stops earlier gets the same ones again. With no more than `most` uploads,
    each call yields all of them and writes nothing.
    """
    position = services.ledger.position(name)
    after, before = position.place.get("after"), minutes_ago(services.settings.stale_minutes)
    uploads = services.ledger.in_state(UPLOAD, state, before, after if after and after < before else None)
    count, last = 0, ""
    for upload in islice(uploads, most):
        count, last = count + 1, upload.moved_at
        yield upload
    place = {"after": last} if count == most else {}
    if place != position.place:
        services.ledger.save(replace(position, place=place))
