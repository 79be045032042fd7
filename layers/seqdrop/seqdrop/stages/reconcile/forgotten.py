"""Archived files that were deleted on request: one mail when deletions are done, not one for each file."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.services import Services, now
from seqdrop.stages.reconcile.nudge import minutes_since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.ledger.records import Upload

POSITION = "forgotten"  # name of the position in the ledger: until when deleted files were mailed
QUIET = 15  # minutes without a deletion, after which all of a request are done, and the index of the ledger has them
MOST = 20_000  # uploads in a mail
MOST_NAMED = 20  # of them


def notify_of_forgotten(services: Services) -> dict[str, int]:
    """Notify the lab of files that were deleted, once, when none was for QUIET minutes.

    A crash may repeat a mail, but never leaves it out. Return no count, because each is a metric that costs money.
    """
    position = services.ledger.position(POSITION)
    after = position.place.get("after", "0")
    uploads = services.ledger.in_state(UPLOAD, "FORGOTTEN", now(), after)
    forgotten = list(islice((upload for upload in uploads if upload.moved_at > after), MOST))
    if not forgotten or (len(forgotten) < MOST and minutes_since(forgotten[-1].moved_at) < QUIET):
        return {}
    if len(forgotten) == MOST:  # others may have moved in the same millisecond as the last
        last = forgotten[-1].moved_at
        forgotten = [upload for upload in forgotten if upload.moved_at < last] or forgotten
    _mail(services, forgotten)
    services.ledger.save(replace(position, place={"after": forgotten[-1].moved_at}))
    return {}


def _mail(services: Services, uploads: Sequence[Upload]) -> None:
    size = sum(upload.size for upload in uploads)
    files = "1 archived file" if len(uploads) == 1 else f"{len(uploads):,} archived files"
    named = "".join(f"  {upload.key} (upload {upload.id})\n" for upload in uploads[:MOST_NAMED])
    more = f"  and {len(uploads) - MOST_NAMED:,} more\n" if len(uploads) > MOST_NAMED else ""
    services.notify(
        f"Seqdrop forgot {files}",
        f"The copies of {files} ({size:,} bytes) were deleted from the archive, as a person had asked:\n"
        f"{named}{more}\n"
        f"The tombstone of each is in s3://{services.settings.results}/{keys.TOMBSTONES}, with the reason, and the "
        "SHA-256 of its receipt.\n",
    )
