"""Send events to a bus of EventBridge; boto3-stubs for it are not among the requirements.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict

from seqdrop.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_ENTRIES: Final = 10  # of a request
MOST_BYTES: Final = 250_000  # EventBridge allows 262,144 with the names of source, type and bus
TRIES: Final = 3


class Entry(TypedDict):
    """An entry of a PutEvents request. `Detail` is JSON."""

    EventBusName: str
    Source: str
    DetailType: str
    Detail: str


class EventsClient(Protocol):
    """The client `events`."""

    def put_events(self, **request: object) -> dict[str, Any]:
        """Send entries; the response has an `ErrorCode` for each that was not accepted."""


def make_entry(bus: str, source: str, type_: str, detail: Mapping[str, object]) -> Entry:
    """Return the entry of an event."""
    return Entry(EventBusName=bus, Source=source, DetailType=type_, Detail=json.dumps(detail, ensure_ascii=False))


def put_entries(client: EventsClient, entries: Sequence[Entry]) -> None:
    """Send entries. Raise RetryableError if EventBridge did not accept all of them; it may have accepted some."""
    for batch in _split(entries):
        refused = batch
        for _ in range(TRIES):
            response = client.put_events(Entries=refused)
            results = zip(refused, response["Entries"], strict=True)
            refused = [entry for entry, result in results if result.get("ErrorCode")]
            if not refused:
                break
        else:
            codes = sorted({str(result["ErrorCode"]) for result in response["Entries"] if result.get("ErrorCode")})
            raise RetryableError(f"EventBridge did not accept {len(refused)} events: {', '.join(codes)}")


def _split(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in batches that one request may hold."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        length = sum(len(text.encode()) for text in (entry["Source"], entry["DetailType"], entry["Detail"]))
        if batch and (len(batch) == MOST_ENTRIES or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
