"""Output of commands: plain lines anywhere; colours, tables and spinners on a terminal, for which rich is imported."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2"}
ELLIPSIS = "…"
UNITS = ("B", "kB", "MB", "GB", "TB")


def is_terminal(stream: TextIO | None = None) -> bool:
    """Return True if a stream (standard output if None) is a terminal."""
    return (stream or sys.stdout).isatty()


def say(text: str) -> None:
    """Print a line to standard output without wrapping or markup."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a line for people to standard error, so that scripts can read standard output."""
    print(text, file=sys.stderr, flush=True)


def paint(text: str, colour: str) -> str:
    """Return the text in a colour of COLOURS; unchanged without a terminal, with NO_COLOR, or if TERM is dumb."""
    if not is_terminal() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: with a box on a terminal, else one tab-separated line for each row, without titles.

    Line breaks in cells become spaces unless the output is a terminal.
    """
    if not is_terminal():
        for row in rows:
            say("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=ROUNDED)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


@contextmanager
def show_status(text: str) -> Iterator[None]:
    """Show a spinner with the text while the block runs; on a terminal only."""
    if not is_terminal():
        yield
        return
    from rich.console import Console

    with Console().status(text):
        yield


def shorten(text: str, width: int) -> str:
    """Return the text in at most `width` characters; an ellipsis replaces its middle if it is longer.

    The end gets two thirds of the width, because it distinguishes keys (`…_L001_R1_001.fastq.gz`).
    """
    if len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    end = (width - 1) * 2 // 3
    return text[: width - 1 - end] + ELLIPSIS + text[len(text) - end :]


def format_size(count: int) -> str:
    """Return a number of bytes with a unit, in powers of 1,000."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit == 0 else f"{value:.1f} {UNITS[unit]}"
