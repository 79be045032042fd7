"""Ctrl-C as a request to stop after the current step, so that no completed work is lost."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextmanager
def catch_interrupts(consequence: str = "the predictions so far are being written") -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed.

    The first Ctrl-C prints `consequence`, a clause about what happens before the command ends. A second Ctrl-C raises
    KeyboardInterrupt.
    """
    presses: list[int] = []

    def note_press(number: int, _: FrameType | None) -> None:
        presses.append(number)
        signal.signal(signal.SIGINT, previous)
        print(f"\nseqdrop: {consequence}; press Ctrl-C again to stop immediately", file=sys.stderr)

    previous = signal.signal(signal.SIGINT, note_press)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, previous)
