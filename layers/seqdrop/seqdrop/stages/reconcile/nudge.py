"""Nudges: the message of a record that has not moved for too long is sent again, and the lab is notified once.

A record is nudged after `stale_minutes`, then after twice as long, and so on, but at least once a day. Nudges never
stop, because they cost next to nothing, and so no person has to remember stalled work. While the queue has a backlog, a
record is nudged only once a day: its message probably waits in the queue.

The ledger counts nudges in the attribute `pushes`; `told_at` is the time of the mail about the present state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from seqdrop.ledger.records import Attempt, Job, Record, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.reconcile.backlog import LONGEST_PAUSE, has_backlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seqdrop.runtime.messages import Body

R = TypeVar("R", bound=Record)
Message = tuple[str, "Body"]  # queue URL and body

NOTIFY_AFTER = 5  # nudges without effect; the mail is sent with the next nudge, and only once


@dataclass(frozen=True)
class Due:
    """The messages to send for a record; none if it waits as it should. If `quiet`, the lab is never notified of it."""

    messages: list[Message] = field(default_factory=list)
    quiet: bool = False


def select_stalled(services: Services, records: Iterable[R]) -> Iterator[R]:
    """Yield the records whose next nudge is due."""
    stale = services.settings.stale_minutes
    for record in records:
        if minutes_since(record.moved_at) >= min(stale * 2**record.pushes, LONGEST_PAUSE):
            yield record


def nudge_all(services: Services, records: Iterable[R], find_due: Callable[[Services, R], Due]) -> int:
    """Nudge each record for which `find_due` returns a message; return the number of nudges.

    An error of one record is logged and does not affect the others.
    """
    is_long = cache(partial(has_backlog, services))
    return sum(_nudge(services, record, find_due, is_long) for record in records)


def minutes_since(time: str) -> float:
    """Return the minutes since a time of the ledger."""
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(time)).total_seconds() / 60


def _nudge(
    services: Services, record: R, find_due: Callable[[Services, R], Due], is_long: Callable[[str], bool]
) -> bool:
    log = logger()
    try:
        due = find_due(services, record)
        if _is_queued(record, due, is_long) or not due.messages or not services.ledger.note_nudge(record):
            return False  # it waits in a queue, for its job or for a person, or has just moved
        for queue, body in due.messages:
            services.send(queue, body)
        if record.pushes >= NOTIFY_AFTER and not record.told_at and not due.quiet:
            _notify_stalled(services, record)
    except Exception:
        log.exception("not nudged", extra=dict(record.keys))
        return False
    return True


def _is_queued(record: Record, due: Due, is_long: Callable[[str], bool]) -> bool:
    """Return True if the record's message probably waits in a queue with a backlog: it was sent less than a day ago."""
    return minutes_since(record.moved_at) < LONGEST_PAUSE and any(is_long(queue) for queue, _ in due.messages)


def _notify_stalled(services: Services, record: Record) -> None:
    """Notify the lab of a record that was just nudged. A crash may repeat the mail, but never leaves it out."""
    _mail_stalled(services, record)
    current = services.ledger.reread(record)
    if current and current.state == record.state:
        services.ledger.note(current, told_at=now())


def _mail_stalled(services: Services, record: Record) -> None:
    name, since = _name(services, record), record.timeline.get(record.state, record.created_at)
    services.notify(
        f"Seqdrop: {name} is stalled in {record.state} since {since[:16]}",
        f"{name} has been in state {record.state} since {since}.\n"
        f"Seqdrop has sent its message again {NOTIFY_AFTER} times, without effect. It continues to send it, at least\n"
        "once a day.\n\n"
        "What to do:\n"
        "- The table in docs/ledger.md names the function that makes the next move. Look for errors in its log.\n"
        "- A message that failed too often is in a dead-letter queue. To list these messages:\n"
        "  seqdrop redrive\n",
    )


def _name(services: Services, record: Record) -> str:
    if isinstance(record, Upload):
        return record.key
    if isinstance(record, Attempt):
        return f"attempt {record.number} of {services.ledger.require_upload(record.upload_id).key}"
    return f"job {record.name}" if isinstance(record, Job) else str(record.keys)
