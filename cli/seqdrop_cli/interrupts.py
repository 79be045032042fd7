"""Ctrl-C as a question that is answered between two steps, so that what was done is not lost."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def interrupts(then: str = "what was answered is being written") -> Iterator[Callable[[], bool]]:
    """Answers whether Ctrl-C was pressed, which is acknowledged with what happens `then`.

    A second one raises KeyboardInterrupt, as ever.
    """
    pressed = []

    def note(number: int, frame) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)
        print(f"\nseqdrop: {then}; Ctrl-C again ends it at once", file=sys.stderr)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
