"""What is wrong with settings, in words: which key, what it is, what is allowed or was probably meant."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

Path = tuple[str, ...]
"""Keys from the top of the document."""
WRONG: Any = object()
"""In place of what `collect` could not read."""


class Problem(NamedTuple):
    """One thing that is wrong, and the table or key that it is about."""

    path: Path
    message: str


class SettingsError(ConfigurationError, ValueError):
    """What is wrong with settings: all of it. Permanent until a person edits the file."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)
        super().__init__("; ".join(self.messages))

    @property
    def messages(self) -> list[str]:
        return [problem.message for problem in self.problems]


def collect(problems: list[Problem], read: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what `read` returns; if it raises SettingsError, add its problems to the list and return WRONG."""
    try:
        return read(*args, **options)
    except SettingsError as error:
        problems += error.problems
        return WRONG


def unknown_keys(
    table: Mapping[str, Any], path: Path, known: Collection[str], elsewhere: Mapping[str, str] | None = None
) -> tuple[list[Problem], set[str]]:
    """Return a problem for each key of a table that is not known, and which known keys those probably stand for.

    `elsewhere` are keys that similar tables have, each with the reason why this one has not.
    """
    problems, meant, elsewhere = [], set(), elsewhere or {}
    for key in [key for key in table if key not in known]:
        at = dotted((*path, key))
        if key in elsewhere:
            message = f"{at} {elsewhere[key]}"
        else:
            near = nearest(key, [*known, *elsewhere])
            meant.update(near)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
            message = f"{at} is no {'table' if isinstance(table[key], dict) else 'setting'}; {hint}"
        problems.append(Problem((*path, key), message))
    return problems, meant


def nearest(word: str, words: Iterable[str]) -> list[str]:
    """Return the word that is most like this one, or nothing if none is."""
    from difflib import get_close_matches  # only needed when something is wrong

    return get_close_matches(word, list(words), 1)


def dotted(path: Iterable[str]) -> str:
    """Return a path as TOML writes it."""
    return ".".join(key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key) for key in path)


def quoted(words: Iterable[str]) -> str:
    """Return words in quotes, with commas between them."""
    return ", ".join(f'"{word}"' for word in words)


def shown(value: Any) -> str:
    """Return a value as TOML writes it, up to 80 characters of it."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, str | bool):
        return json.dumps(value[:80] if isinstance(value, str) else value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown, value))}]"[:80]
    return str(value)[:80]
