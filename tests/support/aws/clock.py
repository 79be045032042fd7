"""The clocks of an account: one that only advances when a test says so, and the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that only advances when a test says so."""

    def __init__(self):
        self.now = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

    @property
    def seconds(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        """Advance the clock. Negative values are ignored, because AWS's timestamps do not go backwards."""
        self.now += timedelta(seconds=max(seconds, 0))


class SystemClock:
    """The machine's time: for tests that set the time of the code under test only."""

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def seconds(self) -> float:
        return self.now.timestamp()
