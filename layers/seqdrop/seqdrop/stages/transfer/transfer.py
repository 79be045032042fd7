"""Start executions of the stack's DataSync task, and process their ends.

Events of DataSync are sent on a best effort basis, so an event only has all executions looked at, as the hourly
schedule does. Every step may be repeated: the record of the transfer says what was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqdrop.aws.datasync import ENDED, STATE_CHANGE
from seqdrop.runtime.events import UnknownEventError
from seqdrop.stages.transfer.ends import process_ends
from seqdrop.stages.transfer.start import start_transfer

if TYPE_CHECKING:
    from seqdrop.runtime.messages import JobMessage, TransferMessage
    from seqdrop.runtime.services import Services

START, LOOK = "start", "look"


def handle_message(services: Services, body: JobMessage | TransferMessage) -> None:
    """Process the ends of executions, and start another one if the message asks for that.

    Raise UnknownEventError if the message is neither an event of DataSync nor one of Seqdrop's own.
    """
    if body.get("detail-type") == STATE_CHANGE:
        # Capital S; an event about a state before the end is nothing to do for.
        if cast("JobMessage", body)["detail"].get("State") in ENDED:
            process_ends(services)
        return
    order = body.get("transfer")
    if order not in (START, LOOK):
        raise UnknownEventError(f"not a message of transfer: it has the keys {sorted(body)[:8]}")
    process_ends(services)
    if order == START:
        start_transfer(services, everything=bool(body.get("all")))
