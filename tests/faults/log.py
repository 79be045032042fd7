"""What the functions log: upload ids, and never the name of a file."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.faults.lab import Drop


class LineHandler(logging.Handler):
    """Keeps each record as one text: message, extra fields, exception."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.lines.append(f"{record.getMessage()} {vars(record)} {error}")


@contextmanager
def read_log() -> Iterator[list[str]]:
    """Yield the lines that are logged meanwhile, of every level; nothing is printed."""
    logger()  # creates the logger on first use
    log, handler = logging.getLogger("seqdrop"), LineHandler()
    level, handlers, propagate = log.level, log.handlers, log.propagate
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


def check_log(lines: Iterable[str], drops: Iterable[Drop]) -> Iterator[str]:
    """Yield a violation for each dropped file whose name is in the log."""
    names = {drop.key.rsplit("/", 1)[-1] for drop in drops}
    for line in lines:
        yield from (f"the log names {name}: {line[:200]}" for name in names if name in line)
