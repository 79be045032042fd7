"""The types of events, and the moves of the ledger from which they are derived.

A record keeps the last time at which it entered each state. Therefore an event is derived from any later state of its
record as well, and no event is lost if its record is in a later state when it is read.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seqdrop.ledger.moves import ATTEMPT, JOB, MOVES, RESTORE, RUN, UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqdrop.ledger.records import Record

SOURCE: Final = "seqdrop"
VERSION: Final = 1  # of all schemas in docs/schemas/events; a field may be added without another version
TYPES: Final = {
    (UPLOAD, "VALIDATED"): "upload.accepted",
    (UPLOAD, "REJECTED"): "upload.rejected",
    (UPLOAD, "ARCHIVED"): "upload.archived",
    (UPLOAD, "DUPLICATE"): "upload.duplicate",
    (UPLOAD, "WITHDRAWN"): "upload.withdrawn",
    (UPLOAD, "FORGOTTEN"): "upload.forgotten",
    (ATTEMPT, "PREDICTED"): "upload.predicted",
    (ATTEMPT, "TRAINED"): "model.candidate",
    (JOB, "FAILED"): "job.failed",
    (RUN, "COPYING"): "run.copying",
    (RUN, "COMPLETE"): "run.complete",
    (RUN, "FAILED"): "run.failed",
    (RUN, "ARCHIVED"): "run.archived",
    (RESTORE, "RESTORED"): "upload.restored",
}
ID_LENGTH = 26


@dataclass(frozen=True)
class Happening:
    """A record entered a state that has an event. `time` is that of the move, in the ledger's format."""

    record: Record
    state: str
    time: str

    @property
    def type(self) -> str:
        """The type of the event."""
        return TYPES[self.record.kind, self.state]

    def make_id(self, part: int = 1) -> str:
        """Return the id of the event: the same for the same move, however often the event is sent.

        A move with more data than an event can hold is several events, its parts.
        """
        names = (self.type, *self.record.keys.values(), self.time, str(part))
        digest = hashlib.sha256("\0".join(names).encode()).digest()
        return base64.b32encode(digest).decode()[:ID_LENGTH]


def find_happenings(record: Record, since: str) -> Iterator[Happening]:
    """Yield the events of a record from a time on."""
    for state, time in record.timeline.items():
        if (record.kind, state) in TYPES and time >= since:
            yield Happening(record, state, time)


def list_read_states(types: Mapping[tuple[str, str], str] = TYPES) -> list[tuple[str, str]]:
    """Return the kinds and states of records that may have an event: those of `types`, and all that follow them."""
    states = set(types)
    while more := {(move.kind, move.target) for move in MOVES if (move.kind, move.source) in states} - states:
        states |= more
    return sorted(states)
