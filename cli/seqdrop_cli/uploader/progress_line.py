"""How far an upload is: one line of a terminal, which is drawn again at most twice a second."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from seqdrop_cli.console import format_size
from seqdrop_cli.uploader.events import FAILED, PROGRESS, SKIPPED, Event

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 0.5  # seconds between two drawings
LEAST = 0.01  # seconds from which a rate is computed
START, CLEAR = "\r", "\x1b[K"
MINUTE, HOUR = 60, 3600  # seconds


@dataclass
class ProgressLine:
    """Follows the events of an upload of `size` bytes. What is in the landing bucket already counts as done."""

    size: int
    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    sent: int = 0
    there: int = 0
    failed: int = 0
    _start: float = field(init=False)
    _drawn: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._start = self.clock()

    def __call__(self, event: Event) -> None:
        """Take an event, and draw the line if the last drawing is old enough."""
        if event.kind == PROGRESS:
            self.sent += event.facts["bytes"]
        elif event.kind in (SKIPPED, FAILED):
            self.there += event.facts["size"]
            self.failed += event.kind == FAILED
        now = self.clock()
        if now - self._drawn >= PAUSE:
            self._drawn = now
            self.stream.write(START + self.describe(now - self._start) + CLEAR)
            self.stream.flush()

    def describe(self, seconds: float) -> str:
        """Return the line after `seconds`: bytes, share, rate, and the time that is left at this rate."""
        done = min(self.sent + self.there, self.size)
        rate = self.sent / seconds if seconds >= LEAST else 0.0
        parts = [f"{format_size(done)} of {format_size(self.size)}"]
        if self.size:
            parts.append(f"{done / self.size:.0%}")
        if rate:
            parts += [f"{format_size(int(rate))}/s", f"{format_time((self.size - done) / rate)} left"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        return " · ".join(parts)

    def clear(self) -> None:
        """Remove the line, so that another may be printed in its place."""
        self.stream.write(START + CLEAR)
        self.stream.flush()


def format_time(seconds: float) -> str:
    """Return a duration in its largest unit and the next one, such as "2 h 5 min"."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if seconds < HOUR else f"{minutes // MINUTE} h {minutes % MINUTE} min"
