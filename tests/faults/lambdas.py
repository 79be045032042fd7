"""Invocations of functions: each is a thread, and only one runs at a time.

An invocation may be paused before any of its calls and continued later, so that the calls of several invocations
alternate in the order of the schedule. A crash is not an Exception, so that no code of a function can catch it, as no
code can catch a SIGKILL.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from tests.support.aws.wire import handler

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.queues import Message

PATIENCE = 60  # seconds; a step takes milliseconds, so after this time the test fails as hanging


class Crash(BaseException):
    """A crash of the function."""


class Catch:
    """A context manager that suppresses any exception, crashes included, and keeps it as `error`."""

    error: BaseException | None = None

    def __enter__(self) -> Catch:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        self.error = error
        return True


class Countdown:
    """The context of an invocation, whose time runs out while it copies parts: each look at the time takes minutes."""

    def __init__(self):
        self._left = itertools.count(900_000, -220_000)

    def get_remaining_time_in_millis(self) -> int:
        return next(self._left)


class Invocation:
    """One run of a function with some messages (none: on its schedule)."""

    def __init__(self, folder: str, queue: str = "", messages: list[Message] = ()):
        self.folder, self.queue, self.messages = folder, queue, messages
        self.response: dict | None = None
        self.error: BaseException | None = None
        self.ended, self.dead = False, False
        self.troubles: list[str] = []  # its faults
        self.mails: list[tuple[str, str]] = []  # (subject, message) of each mail that it sent, or tried to send
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def proceed(self, running: Callable[[Invocation | None], None]) -> None:
        """Run until the end or the next pause. `running` is called with this invocation before, and with None after."""
        running(self)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        else:
            self._go.release()
        assert self._back.acquire(timeout=PATIENCE), f"{self.folder} hangs"
        running(None)

    def pause(self) -> None:
        """Pause; called from within the invocation."""
        self._back.release()
        self._go.acquire()

    def _work(self) -> None:
        with Catch() as caught:
            self._run()
        self.error = caught.error
        self.ended = True
        self._back.release()

    def _run(self) -> None:
        event = {"Records": [message.record(self.queue) for message in self.messages]}
        self.response = handler(self.folder)(event, Countdown())

    @property
    def failed(self) -> set[str]:
        """The ids of the messages that are delivered again."""
        if self.error:
            return {message.id for message in self.messages}
        return {item["itemIdentifier"] for item in self.response["batchItemFailures"]} if self.messages else set()
