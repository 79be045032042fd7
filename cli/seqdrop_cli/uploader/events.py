"""What an uploader reports while it works: one event for each file, and one for the whole."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop_cli.uploader.listing import LeftOut
    from seqdrop_cli.uploader.records import Item, Sent

PLANNED, STARTED, PROGRESS, FINISHED = "planned", "started", "progress", "finished"
SKIPPED, FAILED, SUMMARY = "skipped", "failed", "summary"
MOST_FAILURES = 1000  # that an outcome keeps


@dataclass(frozen=True)
class Event:
    """One event. `facts` are JSON values; docs/uploading.md lists them."""

    kind: str
    facts: dict[str, Any]


@dataclass
class Outcome:
    """The result of a run of the uploader.

    `skipped` counts files by the reason why nothing was sent; `unsent` those that are left for another time, by the
    reason; `failures` has keys and reasons, at most MOST_FAILURES.
    """

    sent: int = 0
    sent_bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unsent: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def with_problems(self, other: Outcome) -> Outcome:
        """Return this outcome with the failures of another run, and what that left for another time."""
        failures = [*self.failures, *other.failures]
        return replace(self, unsent=self.unsent + other.unsent, failed=self.failed + other.failed, failures=failures)

    @property
    def is_complete(self) -> bool:
        """Whether S3 has every file of the plan."""
        return not self.failed and not self.unsent

    def facts(self) -> dict[str, Any]:
        """Return the facts of the event `summary`."""
        return {
            "sent": self.sent,
            "sent_bytes": self.sent_bytes,
            "skipped": dict(self.skipped),
            "unsent": dict(self.unsent),
            "failed": self.failed,
        }


class Journal:
    """Counts the outcome and passes each event on. Threads may share an object."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self.outcome = Outcome()
        self._report, self._lock = report, threading.Lock()

    def emit(self, kind: str, **facts: object) -> None:
        """Pass an event on."""
        with self._lock:
            self._report(Event(kind, facts))

    def started(self, item: Item) -> None:
        """Report that the first bytes of a file are about to be sent."""
        self.emit(STARTED, path=item.path, key=item.key, size=item.size)

    def progress(self, item: Item, count: int) -> None:
        """Report `count` more bytes of a file."""
        self.emit(PROGRESS, key=item.key, bytes=count, size=item.size)

    def finished(self, item: Item, sent: Sent, upload_id: str) -> None:
        """Report a file that S3 has now."""
        with self._lock:
            self.outcome.sent += 1
            self.outcome.sent_bytes += item.size
        facts = {"upload": upload_id, "version": sent.version, "sha256": sent.sha256, "crc32": sent.crc32}
        self.emit(FINISHED, path=item.path, key=item.key, size=item.size, etag=sent.etag, **facts)

    def there(self, item: Item, reason: str, sent: Sent, upload_id: str) -> None:
        """Report a file that S3 has, or had, already."""
        with self._lock:
            self.outcome.skipped[reason] += 1
        facts = {"reason": reason, "upload": upload_id, "version": sent.version, "etag": sent.etag}
        self.emit(SKIPPED, path=item.path, key=item.key, size=item.size, is_there=True, **facts)

    def left(self, item: Item, reason: str) -> None:
        """Report a file that is left for another time."""
        with self._lock:
            self.outcome.unsent[reason] += 1
        self.emit(SKIPPED, path=item.path, key=item.key, size=item.size, is_there=False, reason=reason)

    def failed(self, item: Item, reason: str) -> None:
        """Report a file that could not be sent."""
        with self._lock:
            self.outcome.failed += 1
            if len(self.outcome.failures) < MOST_FAILURES:
                self.outcome.failures.append((item.key, reason))
        self.emit(FAILED, path=item.path, key=item.key, size=item.size, reason=reason)


def left_out_facts(left_out: LeftOut) -> list[dict[str, Any]]:
    """Return the files that are left out, for the event `planned`."""
    return [
        {"reason": reason, "files": count, "example": left_out.examples[reason]}
        for reason, count in left_out.counts.items()
    ]


def has_arrived(event: Event) -> bool:
    """Return True if the event says that S3 has a file, from now or before."""
    return event.kind == FINISHED or (event.kind == SKIPPED and bool(event.facts["is_there"]))


def write_json(event: Event, stream: TextIO | None = None) -> None:
    """Write an event as one line of JSON."""
    print(json.dumps({"event": event.kind, **event.facts}), file=stream or sys.stdout, flush=True)
