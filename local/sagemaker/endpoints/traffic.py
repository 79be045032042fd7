"""The fleets of an endpoint, and the share of its requests that each of them receives."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.sagemaker.endpoints.fleet import Fleet, VariantServer


class Traffic:
    """Routes requests to the fleet in service, blue, or with probability `share` to its successor, green."""

    def __init__(self) -> None:
        self.blue: Fleet | None = None
        self.green: Fleet | None = None
        self.share = 0.0
        self.is_closed = False
        self._changed = threading.Condition()

    def set(self, blue: Fleet | None, green: Fleet | None = None, share: float = 0.0) -> None:
        """Route the next requests to these fleets; requests under way end where they began."""
        with self._changed:
            self.blue, self.green, self.share = blue, green, share
            self._changed.notify_all()

    def wake(self) -> None:
        """Let requests that wait for an instance look again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Make requests that wait give up: there will be no instance."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    @contextlib.contextmanager
    def enter(self, target: str | None = None, wait: float | None = 0) -> Iterator[VariantServer | None]:
        """Yield a server, which is not closed before the request ends.

        Wait up to `wait` seconds for one, None means without limit; yield None if there is none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed or self._choose_any(target), wait)
            fleet, server = self._choose(target)
            if server is not None:
                fleet.enter()
        try:
            yield server
        finally:
            if server is not None:
                fleet.leave()

    def _choose(self, target: str | None) -> tuple[Fleet | None, VariantServer | None]:
        if self.is_closed:
            return None, None
        use_green = self.green is not None and random.random() < self.share
        first, second = (self.green, self.blue) if use_green else (self.blue, self.green)
        for fleet in (first, second if self.share else None):
            server = fleet.choose(target) if fleet else None
            if server is not None:
                return fleet, server
        return None, None

    def _choose_any(self, target: str | None) -> bool:
        return self._choose(target)[1] is not None
