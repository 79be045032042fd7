"""Argument parsing: errors of one line, help pages that keep their line breaks, types that say what they expect."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from seqdrop_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


WIDEST = 56  # characters of an example beside which comments are aligned


@dataclass(frozen=True)
class Example:
    """A command line that can be copied, and what it does."""

    line: str
    purpose: str


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of printing a usage text and leaving the process."""

    def __init__(self, *, prog: str | None = None, description: str | None = None, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with the message of argparse and the help page to read."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def format_examples(examples: Iterable[Example]) -> str:
    """Return the examples as the end of a help page: each line can be copied whole, for its purpose is a comment."""
    lines = list(examples)
    width = max((len(example.line) for example in lines if len(example.line) <= WIDEST), default=0)
    return "examples:\n" + "\n".join(f"  {example.line:<{width}}   # {example.purpose}" for example in lines)


# -- types of arguments; each raises ArgumentTypeError with what is expected --


def positive_integer(text: str) -> int:
    """Return a whole number of 1 or more."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def number(text: str) -> float:
    """Return a number."""
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, such as 0.5") from error


def price(text: str) -> float:
    """Return a price in US dollars an hour."""
    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not 0 < dollars < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a price in dollars an hour, such as 7.09")
    return dollars


def time(text: str) -> datetime:
    """Return a time in ISO 8601; one without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a time; write 2026-03-01 or 2026-03-01T14:30, in UTC"
        raise argparse.ArgumentTypeError(message) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
