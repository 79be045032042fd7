"""When to look at a folder again: soon while it changes, rarely while it does not, and never for much CPU time.

Network shares do not report changes, so folders are listed again and again. To list 100,000 files takes about a
second of CPU; with ten such runs on a disk, a look every ten seconds would need a whole core.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

SHORTEST = timedelta(seconds=10)
LONGEST = timedelta(minutes=5)
LONGEST_COMPLETE = timedelta(hours=1)  # an on-board analysis comes hours to weeks after its run
MOST_SHARE = 0.02  # of a core, for all looks together


@dataclass
class Schedule:
    """The looks at one folder. `due` is the time of the next one, None for at once."""

    due: datetime | None = None
    _pause: timedelta = SHORTEST

    def is_due(self, now: datetime) -> bool:
        """Return True if it is time for a look."""
        return self.due is None or self.due <= now

    def wait(
        self, now: datetime, *, has_changed: bool, longest: timedelta, cost: float, alarm: datetime | None
    ) -> None:
        """Wait after a look: longer each time if nothing has changed, up to `longest`.

        `cost` is the CPU time of a look in seconds, times the number of folders: it stays below MOST_SHARE. `alarm` is
        when something may change that no file announces.
        """
        self._pause = SHORTEST if has_changed else min(2 * self._pause, longest)
        pause = max(self._pause, timedelta(seconds=cost / MOST_SHARE))
        self.due = now + pause
        if alarm is not None and alarm > now:
            self.due = min(self.due, max(alarm, now + SHORTEST))
