"""Leases of single invocations on an upload: to read it, and to copy it in parts.

A queue may deliver several messages about one upload, and the reconciler sends more. An invocation therefore writes the
time into a field of the record before it begins; others acknowledge their message during the next MINUTES. A lease only
saves work, and nothing is lost by it: the message of the invocation that has it stays in the queue until that has
ended, a copy of several hundred GB sends the message for its next part, and the reconciler nudges an upload that stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seqdrop.ledger.records import apply_facts
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import minutes_ago, now

if TYPE_CHECKING:
    from seqdrop.ledger.records import Fact, Upload
    from seqdrop.runtime.services import Services

MINUTES = 15  # no invocation of a Lambda function lasts longer


@dataclass(frozen=True)
class Lease:
    """A lease on uploads in a state; `field` of their records has the time."""

    field: Literal["reading_since", "copying_since"]
    state: str

    def is_held(self, upload: Upload) -> bool:
        """Return True if an invocation probably works on the upload now. A move ends the lease.

        A lease from the future does not count: a clock was set back.
        """
        return minutes_ago(MINUTES) < self._since(upload) <= now()

    def take(self, services: Services, upload: Upload) -> Upload | None:
        """Take the lease of an upload in the state, and return its record.

        Return None if another invocation has it, or has just advanced the upload: the message is then acknowledged.
        """
        current: Upload | None = upload
        while current and current.state == self.state and not self.is_held(current):
            taken: dict[str, Fact] = {self.field: now()}
            if services.ledger.note(current, **taken):
                return apply_facts(current, taken)
            current = services.ledger.reread(current)
        logger().info("another invocation works on the upload", extra={"upload_id": upload.id})
        return None

    def give_up(self, services: Services, upload: Upload) -> None:
        """Give up a lease that was taken, so that the next message may go on with the upload."""
        current = services.ledger.reread(upload)
        if current and self._since(current) == self._since(upload):
            ended: dict[str, Fact] = {self.field: ""}
            services.ledger.note(current, **ended)

    def _since(self, upload: Upload) -> str:
        return upload.reading_since if self.field == "reading_since" else upload.copying_since


READING = Lease("reading_since", "RECEIVED")
COPYING = Lease("copying_since", "VALIDATED")
