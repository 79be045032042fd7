"""Problems with settings, in words: the key, its value, and what is allowed or was probably meant."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

T = TypeVar("T")
Path = tuple[str, ...]
"""Keys from the top of the document."""


class Wrong:
    """The type of WRONG."""


WRONG = Wrong()
"""The value in place of a table that `collect` could not read."""


class Problem(NamedTuple):
    """One thing that is wrong, and the path of the table or key that it is about."""

    path: Path
    message: str


class SettingsError(ConfigurationError, ValueError):
    """Everything that is wrong with settings. Permanent until a person edits the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.messages))

    @property
    def messages(self) -> list[str]:
        """The message of each problem."""
        return [problem.message for problem in self.problems]


def collect(problems: list[Problem], read: Callable[[], T]) -> T | Wrong:
    """Return what `read` returns; if it raises SettingsError, append its problems to the list and return WRONG."""
    try:
        return read()
    except SettingsError as error:
        problems += error.problems
        return WRONG


def unknown_keys(
    table: Mapping[str, object], path: Path, known: Collection[str], elsewhere: Mapping[str, str] | None = None
) -> tuple[list[Problem], set[str]]:
    """Return a problem for each unknown key of a table, and the known keys that the unknown ones probably stand for.

    `elsewhere` holds keys of similar tables, each with the reason why this table does not have it.
    """
    elsewhere = elsewhere or {}
    problems: list[Problem] = []
    meant: set[str] = set()
    for key in [key for key in table if key not in known]:
        name = format_path((*path, key))
        if key in elsewhere:
            message = f"{name} {elsewhere[key]}"
        else:
            near = nearest(key, [*known, *elsewhere])
            meant.update(near)
            hint = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(sorted(known))}"
            message = f"{name} is not a known {'table' if isinstance(table[key], dict) else 'setting'}; {hint}"
        problems.append(Problem((*path, key), message))
    return problems, meant


def nearest(word: str, words: Iterable[str]) -> list[str]:
    """Return a list of the one word that is most similar to `word`, or an empty list if none is similar.

    Two letters in the other order are a likelier mistake than a missing one, so a word of the same letters comes first.
    """
    from difflib import get_close_matches  # only needed when something is wrong

    known = list(words)
    return [other for other in known if sorted(other) == sorted(word)][:1] or get_close_matches(word, known, 1)


def format_path(path: Iterable[str]) -> str:
    """Return a path as TOML writes it: keys with dots between them."""
    return ".".join(key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key) for key in path)


def quote_words(words: Iterable[str]) -> str:
    """Return words in quotes, with commas between them."""
    return ", ".join(f'"{word}"' for word in words)


def format_value(value: object) -> str:
    """Return a value as TOML writes it, cut off after 80 characters."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, str | bool):
        return json.dumps(value[:80] if isinstance(value, str) else value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(format_value, value))}]"[:80]
    return str(value)[:80]
