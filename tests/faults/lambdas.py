"""Functions at work: each invocation is a thread, of which only the one that holds the baton moves.

An invocation may be stopped before any of its calls and taken up again later, so that two of them run at once in an
order that the schedule says. A crash is no Exception: nothing in a function can hold it up, as nothing holds up a kill.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.support.aws.wire import handler

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.queues import Message

PATIENCE = 60  # seconds for what takes milliseconds; a test that hangs says so


class Crash(BaseException):
    """The function was killed here."""


class Invocation:
    """One run of a function with some messages (none: on its schedule)."""

    def __init__(self, folder: str, queue: str = "", messages: list[Message] = ()):
        self.folder, self.queue, self.messages = folder, queue, messages
        self.answer: dict | None = None
        self.error: BaseException | None = None
        self.ended, self.dead = False, False
        self.troubles: list[str] = []  # what was done to it
        self.mails: list[tuple[str, str]] = []  # (subject, message) of each that it sent, or tried to
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def proceed(self, running: Callable[[Invocation | None], None]) -> None:
        """Let it go on until it ends or pauses; `running` is told who holds the baton."""
        running(self)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        else:
            self._go.release()
        assert self._back.acquire(timeout=PATIENCE), f"{self.folder} hangs"
        running(None)

    def pause(self) -> None:
        """Hand the baton back; called from within."""
        self._back.release()
        self._go.acquire()

    def _work(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self.error = error
        self.ended = True
        self._back.release()

    def _run(self) -> None:
        event = {"Records": [message.record(self.queue) for message in self.messages]}
        self.answer = handler(self.folder)(event, None)

    @property
    def failed(self) -> set[str]:
        """Ids of the messages that come again."""
        if self.error:
            return {message.id for message in self.messages}
        return {item["itemIdentifier"] for item in self.answer["batchItemFailures"]} if self.messages else set()
