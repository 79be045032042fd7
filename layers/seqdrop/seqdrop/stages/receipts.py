"""Archived uploads whose receipt is not where it should be: archive writes it again.

Each is looked at once, after it was archived; up to which time that was done is kept in the ledger.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.services import Services, minutes_ago
from seqdrop.stages.archive import has_receipt

CHECK = "receipts"  # name of the position
MOST = 2000  # uploads in one run


def send_unreceipted(services: Services) -> int:
    """Send every upload that was archived since the last run, and has no receipt, to archive. Answers how many."""
    position = services.ledger.position(CHECK)
    after, before = position.place.get("after", "0"), minutes_ago(services.settings.stale_minutes)
    if after >= before:
        return 0
    seen, sent = after, 0
    for upload in islice(services.ledger.in_state(UPLOAD, "ARCHIVED", before, after), MOST):
        seen = upload.moved_at
        if not has_receipt(services, upload):
            services.send(services.settings.archive_queue, {"upload": upload.id})
            sent += 1
    if seen != after:
        services.ledger.save(replace(position, place={"after": seen}))
    return sent
