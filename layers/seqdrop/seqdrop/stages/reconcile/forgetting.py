"""Uploads whose deletion is due: the message of each, or of its bundle, is sent to the function forget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.services import Services, now
from seqdrop.stages.forget.request import is_bundled
from seqdrop.stages.reconcile.nudge import Due, minutes_since, nudge_all, select_stalled

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

POSITION = "forgetting"  # name of the position in the ledger: when very many uploads were read last
MANY, PAUSE = 5000, 60  # uploads, and minutes between two reads of as many: about a cent a day for 100,000


def check_forgetting(services: Services) -> int:
    """Send the messages of deletions that are due; return their number. One upload stands for all of a bundle."""
    position = services.ledger.position(POSITION)
    if (read_at := position.place.get("at")) and minutes_since(read_at) < PAUSE:
        return 0
    records: dict[str, Upload] = {}
    count = 0
    for upload in services.ledger.in_state(UPLOAD, "FORGETTING"):
        count += 1
        name = upload.archive_key if is_bundled(upload) else upload.id
        if name not in records or upload.id < records[name].id:
            records[name] = upload
    place = {"at": now()} if count > MANY else {}
    if place != position.place:
        services.ledger.save(replace(position, place=place))
    return nudge_all(services, select_stalled(services, records.values()), _find_due)


def _find_due(services: Services, upload: Upload) -> Due:
    """Return the message of an upload that is due. The lab is never notified of a bundle that waits for its files."""
    if upload.forget_due_at > now():
        return Due()
    if is_bundled(upload):
        return Due([(services.settings.forget_queue, {"bundle": upload.archive_key})], quiet=True)
    return Due([(services.settings.forget_queue, {"upload": upload.id})])
