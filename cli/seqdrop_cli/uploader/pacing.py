"""Waiting: for bandwidth, and for a network or service that does not respond. Ctrl-C ends each wait."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from seqdrop.aws.errors import code_of, is_throttle

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds between two tries
PATIENCE = 900.0  # seconds for which a request is tried again
# S3: the connection was too slow, or another request was writing the same key.
TRANSIENT = frozenset({"RequestTimeout", "RequestTimeTooSkewed", "ConditionalRequestConflict"})


class StoppedError(Exception):
    """Ctrl-C, or a fatal error of another thread: the file is released and its rest is sent another time."""


@dataclass
class Pace:
    """The waits of one uploader. `rate` is in bytes a second for all threads together; None is unlimited."""

    rate: float | None = None
    patience: float = PATIENCE
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: float = 0.0

    def check(self) -> None:
        """Raise StoppedError if the uploader has been stopped."""
        if self.stop.is_set():
            raise StoppedError

    def sleep(self, seconds: float) -> None:
        """Wait. Raise StoppedError if the uploader is stopped meanwhile."""
        if self.stop.wait(seconds):
            raise StoppedError

    def take(self, count: int) -> None:
        """Wait until `count` bytes may be sent. The next caller waits for as long as these bytes need."""
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            start = max(now, self._free_at)
            self._free_at = start + count / self.rate
        self.sleep(start - now)

    def insist(self, call: Callable[[], T]) -> T:
        """Return the result of a request, which is repeated for `patience` seconds if that can help."""
        deadline, wait = time.monotonic() + self.patience, FIRST_WAIT
        while True:
            self.check()
            try:
                return call()
            except (ClientError, BotoCoreError) as error:
                if not is_transient(error) or time.monotonic() + wait > deadline:
                    raise
            self.sleep(wait * random.uniform(0.5, 1))
            wait = min(2 * wait, LONGEST_WAIT)


def is_transient(error: ClientError | BotoCoreError) -> bool:
    """Return True if the same request may succeed later: no connection, a throttle, or an error of the service."""
    if not isinstance(error, ClientError):
        return isinstance(error, ConnectionError | HTTPClientError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or is_throttle(error) or code_of(error) in TRANSIENT
