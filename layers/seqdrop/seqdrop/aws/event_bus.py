"""Events that Seqdrop itself puts on the account's default event bus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from seqdrop.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = "seqdrop"


class EventsClient(Protocol):
    """The operation of the client `events` that is used; boto3-stubs for it are not among the requirements."""

    def put_events(self, **request: object) -> dict[str, Any]:
        """Put events on a bus."""


def emit(events: EventsClient, detail_type: str, detail: Mapping[str, object]) -> None:
    """Put an event on the default bus. Raise RetryableError if EventBridge did not accept it.

    A call that is repeated emits the event again, so its detail must have an id by which a receiver knows it.
    """
    entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}
    response = events.put_events(Entries=[entry])
    if response.get("FailedEntryCount"):
        raise RetryableError(f"EventBridge did not accept the event: {response['Entries'][0].get('ErrorCode')}")
