"""Nudges: the message of a record that has not moved for too long is sent again, and a person is notified once.

A record is nudged after `stale_minutes`, then after twice as long, and so on, but at least once a day. Nudges never
stop: one costs next to nothing, and no person has to remember what was left.

The ledger counts nudges in the attribute `pushes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from seqdrop.ledger.records import Attempt, Job, Record, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seqdrop.runtime.messages import Body

R = TypeVar("R", bound=Record)
Message = tuple[str, "Body"]  # queue URL and body

NOTIFY_AFTER = 5  # nudges
LONGEST_PAUSE = 24 * 60  # minutes between two nudges


@dataclass(frozen=True)
class Due:
    """The messages to send for a record: none if it rightly waits. `quiet` if no person has to be notified."""

    messages: list[Message] = field(default_factory=list)
    quiet: bool = False


def select_stalled(services: Services, records: Iterable[R]) -> Iterator[R]:
    """Yield the records whose next nudge is due."""
    stale = services.settings.stale_minutes
    for record in records:
        if minutes_since(record.moved_at) >= min(stale * 2**record.pushes, LONGEST_PAUSE):
            yield record


def nudge_all(services: Services, records: Iterable[R], find_due: Callable[[Services, R], Due]) -> int:
    """Nudge each record for which a message is due; return how many. An error of one does not affect the others."""
    return sum(_nudge(services, record, find_due) for record in records)


def minutes_since(time: str) -> float:
    """Return the minutes since a time of the ledger."""
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(time)).total_seconds() / 60


def _nudge(services: Services, record: R, find_due: Callable[[Services, R], Due]) -> bool:
    log = logger()
    try:
        due = find_due(services, record)
        if not due.messages or not services.ledger.note_nudge(record):
            return False  # it waits for its job or for a person, or has just moved
        for queue, body in due.messages:
            services.send(queue, body)
        if record.pushes == NOTIFY_AFTER and not due.quiet:
            _mail_stalled(services, record)
    except Exception:
        log.exception("not nudged", extra=dict(record.keys))
        return False
    return True


def _mail_stalled(services: Services, record: Record) -> None:
    name, since = _name(services, record), record.timeline.get(record.state, record.created_at)
    services.notify(
        f"Seqdrop: {name} is stalled in {record.state} since {since[:16]}",
        f"{name} has been in state {record.state} since {since}.\n"
        f"Seqdrop has sent its message again {NOTIFY_AFTER} times, and goes on doing so, at least once a day.\n\n"
        "Messages that failed too often are in the dead-letter queues. To list them:\n"
        "  seqdrop redrive\n"
        "docs/ledger.md names the function that makes the next move; its log holds the error.\n",
    )


def _name(services: Services, record: Record) -> str:
    if isinstance(record, Upload):
        return record.key
    if isinstance(record, Attempt):
        return f"attempt {record.number} of {services.ledger.require_upload(record.upload_id).key}"
    return f"job {record.name}" if isinstance(record, Job) else str(record.keys)
