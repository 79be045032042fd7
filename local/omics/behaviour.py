"""What tests change: the rate and the quota of starts, and what happens to events. Each has the service's default."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from local.omics.errors import OmicsError, QuotaError, ThrottledError

INTERVAL = 10.0  # seconds between two calls of StartRun: 0.1 a second
LOST, TWICE, LATE = MISHAPS = ("lost", "twice", "late")


@dataclass
class Behaviour:
    """`interval` is the least number of seconds between two starts; `most` the number of runs at a time, None: any.

    `refusals` are the error codes of the next starts. `mishaps` are what happens to the next events about the end of a
    run, in their order ("" for nothing); an event that is late comes after `late` seconds. `failures` are the messages
    with which the next runs fail after they have started ("" for none), each with a cause before a colon.
    """

    interval: float = INTERVAL
    most: int | None = None
    late: float = 3.0
    refusals: list[str] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    hold: bool = False
    _last: float = field(default=float("-inf"), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def change(self, changes: dict) -> None:
        """Set these fields. Raise TypeError for one that there is not."""
        for name, value in changes.items():
            if name.startswith("_") or not hasattr(self, name):
                raise TypeError(f"no such control: {name}")
            setattr(self, name, value)
        if "interval" in changes:
            self._last = float("-inf")

    def admit(self, active: int) -> None:
        """Raise ThrottledError or QuotaError if a run may not be started now; `active` runs have not ended."""
        with self._lock:
            moment = time.monotonic()
            if self.refusals:
                raise _make_error(self.refusals.pop(0))
            if moment - self._last < self.interval:
                raise ThrottledError("Rate exceeded")
            if self.most is not None and active >= self.most:
                raise QuotaError("The number of concurrent runs exceeds the quota of the account")
            self._last = moment

    def next_mishap(self) -> str:
        """Return what happens to the next event about an end."""
        with self._lock:
            return self.mishaps.pop(0) if self.mishaps else ""

    def next_failure(self) -> str:
        """Return the message with which the run that starts now fails; "" if it does not."""
        with self._lock:
            return self.failures.pop(0) if self.failures else ""


def _make_error(code: str) -> OmicsError:
    for kind in (ThrottledError, QuotaError):
        if kind.code == code:
            return kind("Rate exceeded" if kind is ThrottledError else "The quota of the account is used up")
    error = OmicsError("refused by a test")
    error.code, error.status = code, 500 if code == "InternalServerException" else 400
    return error
