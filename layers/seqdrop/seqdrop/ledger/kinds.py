"""The kinds of ledger record, by the name that each stored item has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ARCHIVE_OBJECT, ATTEMPT, JOB, RESTORE, RUN, UPLOAD
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.ledger.restore_records import ArchiveObject, RestoreRequest
from seqdrop.ledger.run_record import Run

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item, Record

KINDS: dict[str, type[Record]] = {
    UPLOAD: Upload,
    ATTEMPT: Attempt,
    JOB: Job,
    RUN: Run,
    RESTORE: RestoreRequest,
    ARCHIVE_OBJECT: ArchiveObject,
}


def from_item(item: Item) -> Record:
    """Return the record that a stored item holds, as the class of its kind."""
    return KINDS[item["kind"]].from_item(item)
