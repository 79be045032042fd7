"""Reading a TOML file as text, and locating its faults by line."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.config.problems import Problem

PLACE = r" \((?:at line (?P<line>\d+), column (?P<column>\d+)|at end of document)\)$"  # the end of tomllib's messages

HINTS = {
    "Invalid value": ": a text needs quotes around it",
    "Cannot overwrite a value": ": a key may be set only once",
    "Cannot declare": ": a table may have only one header",
}


class FileFault(NamedTuple):
    """One thing that is wrong with a file."""

    line: int
    """Line of the fault, from 1."""
    message: str


class ConfigFileError(ConfigurationError):
    """Everything that is wrong with a file, in the order of its lines. Permanent until a person edits the file."""

    def __init__(self, name: str, faults: Iterable[FileFault]) -> None:
        self.name, self.faults = name, sorted(faults)
        super().__init__("\n".join(f"{name}:{fault.line}: {fault.message}" for fault in self.faults))


def load(text: str, name: str) -> dict[str, Any]:
    """Return the content of a TOML document. Raise ConfigFileError if the text is not valid TOML."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise ConfigFileError(name, [FileFault(1, "the TOML cannot be read: it is nested too deeply")]) from None
    except ValueError as error:  # TOMLDecodeError, and Python's error for a number of 5,000 digits
        raise ConfigFileError(name, [_syntax_fault(str(error), text)]) from error


def decode(body: bytes, name: str) -> str:
    """Return the text of a file. Raise ConfigFileError if it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        message = f"byte {error.start:,} of the file is not UTF-8, the encoding of TOML; save the file as UTF-8"
        raise ConfigFileError(name, [FileFault(line, message)]) from error


def locate(problems: Iterable[Problem], text: str) -> list[FileFault]:
    """Return each problem with the line of its key, or of the nearest enclosing table that exists."""
    from seqdrop.config.toml_lines import key_lines  # only needed when something is wrong

    lines, faults = key_lines(text.removeprefix("\ufeff")), []
    for problem in problems:
        path = problem.path
        while path and path not in lines:
            path = path[:-1]
        faults.append(FileFault(lines.get(path, 1), problem.message))
    return faults


def _syntax_fault(message: str, text: str) -> FileFault:
    place = re.search(PLACE, message)
    what = message[: place.start()] if place else message
    hint = next((hint for start, hint in HINTS.items() if what.startswith(start)), "")
    what = f"this is not valid TOML: {what}{hint}"
    if place is None:
        return FileFault(1, what)
    if place["line"] is None:
        return FileFault(text.rstrip().count("\n") + 1, f"{what}, at the end of the file")
    return FileFault(int(place["line"]), f"{what} (column {place['column']})")
