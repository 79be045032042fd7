"""The clocks of an account: one that stands still unless it is moved, and the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self):
        self.now = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

    @property
    def seconds(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        """Only forward: what AWS stamps does not run back."""
        self.now += timedelta(seconds=max(seconds, 0))


class SystemClock:
    """The machine's time: for tests that set the time of the code under test only."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def seconds(self) -> float:
        return self.now.timestamp()
