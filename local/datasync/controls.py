"""What tests order: events that are lost, executions and files that fail, a pause, and folders in the place of shares.

`POST /_seqdrop/datasync` with a JSON object sets the members that it has; it is not of AWS, and served to every caller
on loopback.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields

PATH = "/_seqdrop/datasync"
PAUSE = 0.05


@dataclass
class Controls:
    """The orders in force."""

    lost_events: bool = False
    """Whether no event is sent."""
    failure: str = ""
    """The reason for which the next execution ends in ERROR; "" for none."""
    failing_files: list[str] = field(default_factory=list)
    """Paths, relative to the source, whose copies fail."""
    is_held: bool = False
    """Whether executions stop before they copy the first file, until this is false again."""
    shares: dict[str, str] = field(default_factory=dict)
    """Folders of this machine by the URI of the location that they are the share of."""
    offline_agents: list[str] = field(default_factory=list)
    """ARNs of agents that are offline."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def change(self, orders: dict) -> None:
        """Set the members that `orders` has. Raise ValueError for another name."""
        names = {each.name for each in fields(self)} - {"lock"}
        if unknown := orders.keys() - names:
            raise ValueError(f"unknown: {sorted(unknown)}")
        for name, value in orders.items():
            setattr(self, name, value)

    def take_failure(self) -> str:
        """Return the reason for which this execution must fail, once; "" for none."""
        with self.lock:
            failure, self.failure = self.failure, ""
        return failure

    def check_file(self, path: str) -> None:
        """Raise OSError if the copy of a file must fail."""
        if path in self.failing_files:
            raise OSError("Input/output error")

    def wait_while_held(self, cancelled: threading.Event) -> None:
        """Return when executions may continue, or this one was cancelled."""
        while self.is_held and not cancelled.wait(PAUSE):
            pass
