"""Argument parsing: errors in one line, help pages for any width of terminal, types that say what they expect."""

from __future__ import annotations

import argparse
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from seqdrop_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


WIDEST = 56  # characters of the longest example whose comment is aligned with the others
TEXT_WIDTH = 100  # characters of a line of text on wide terminals


@dataclass(frozen=True)
class Example:
    """A command line that can be copied, and its purpose."""

    line: str
    purpose: str


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """A formatter that wraps paragraphs to the terminal, and keeps paragraphs with indented lines, such as examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        width = min(width, TEXT_WIDTH)
        blocks = [
            block
            if any(line.startswith(" ") for line in block.splitlines())
            else textwrap.fill(block, width, break_long_words=False, break_on_hyphens=False)
            for block in text.strip().split("\n\n")
        ]
        return super()._fill_text("\n\n".join(blocks), width, indent)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of printing the usage and ending the process."""

    def __init__(self, *, prog: str | None = None, description: str | None = None, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=HelpFormatter,
        )

    def parse_known_args(  # type: ignore[override]  # the overloads of the stub differ only in the type of the namespace
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments. Raise UsageError, which names the help page of this command, if one is unknown."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with the message of argparse and the help page to read."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def format_examples(examples: Iterable[Example]) -> str:
    """Return the examples for the end of a help page. Purposes are shell comments, so a whole line can be copied."""
    lines = list(examples)
    width = max((len(example.line) for example in lines if len(example.line) <= WIDEST), default=0)
    return "examples:\n" + "\n".join(f"  {example.line:<{width}}   # {example.purpose}" for example in lines)


# -- types of arguments; each raises ArgumentTypeError, whose message says what is expected --


def positive_integer(text: str) -> int:
    """Return the whole number, 1 or more, that the text contains."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def number(text: str) -> float:
    """Return the number that the text contains."""
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, such as 0.5") from error


def positive_number(text: str) -> float:
    """Return the number above 0 and below infinity that the text contains."""
    value = number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, such as 7.5")
    return value


def price(text: str) -> float:
    """Return the price in US dollars an hour that the text contains: more than 0, less than a million."""
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 < dollars < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a price in dollars an hour, such as 7.09")
    return dollars


def time(text: str) -> datetime:
    """Return the ISO 8601 time that the text contains, in UTC unless it names another zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a time; write 2026-03-01 or 2026-03-01T14:30, in UTC"
        raise argparse.ArgumentTypeError(message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
