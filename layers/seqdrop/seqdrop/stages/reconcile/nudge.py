"""What stands too long is pushed: its message is sent again, ever more seldom, and a person is told once.

A record is pushed after `stale_minutes`, then after twice as long, and so on, but once a day at the least: for ever,
since a push costs next to nothing, and nobody has to remember what was left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from seqdrop.ledger.records import Attempt, Record, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, minutes_ago, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Message = tuple[str, dict]  # queue URL and body

TELL_AT = 5  # pushes
SELDOM = 24 * 60  # minutes between two pushes at the most


@dataclass(frozen=True)
class Due:
    """What is to be sent for a record. Nothing if it rightly waits; `quiet` if nobody need be told of it."""

    messages: list[Message] = field(default_factory=list)
    quiet: bool = False


def standing(services: Services, kind: str, state: str) -> Iterable[Record]:
    """Records of a kind that have stood in a state for as long as their next push takes, the longest standing first."""
    stale = services.settings.stale_minutes
    for record in services.ledger.in_state(kind, state, minutes_ago(stale)):
        if minutes_since(record.moved_at) >= min(stale * 2**record.pushes, SELDOM):
            yield record


def push_all(services: Services, records: Iterable[Record], due: Callable[[Services, Record], Due]) -> int:
    """Push each record for which something is due. Answers how many; one's trouble does not touch the others'."""
    return sum(_pushed(services, record, due) for record in records)


def minutes_since(time: str) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(time)).total_seconds() / 60


def _pushed(services: Services, record: Record, due: Callable[[Services, Record], Due]) -> bool:
    try:
        found = due(services, record)
        if not found.messages or not services.ledger.note_nudge(record):
            return False  # it waits for its job or for a person, or has just moved
        for queue, body in found.messages:
            services.send(queue, body)
        if record.pushes == TELL_AT and not found.quiet:
            _tell(services, record)
    except Exception:
        logger().exception("not pushed", extra=dict(record.keys))
        return False
    return True


def _tell(services: Services, record: Record) -> None:
    what = _name(services, record)
    services.notify(
        f"Seqdrop: {what} stands still",
        f"{what} still stands in {record.state} after {TELL_AT} pushes. Seqdrop goes on pushing it, ever more seldom.\n"
        "Look at the log of the function that moves it (docs/ledger.md names it) and at the dead-letter queues\n"
        "(`seqdrop redrive` lists them).\n",
    )


def _name(services: Services, record: Record) -> str:
    if isinstance(record, Upload):
        return record.key
    if isinstance(record, Attempt):
        return f"attempt {record.number} of {services.ledger.find_upload(record.upload_id).key}"
    return f"job {record.name}"
