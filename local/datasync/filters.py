"""Filters of files: patterns that are separated by |, in which * is any text. A pattern covers what is below it."""

from __future__ import annotations

import functools
import re


def is_included(path: str, includes: list[dict] | None, excludes: list[dict] | None) -> bool:
    """Return True if the filters let a file be copied; its path begins with a slash."""
    wanted = [pattern for entry in includes or [] for pattern in split(entry.get("Value", ""))]
    unwanted = [pattern for entry in excludes or [] for pattern in split(entry.get("Value", ""))]
    is_wanted = not wanted or any(covers(pattern, path) for pattern in wanted)
    return is_wanted and not any(covers(pattern, path) for pattern in unwanted)


def split(value: str) -> list[str]:
    r"""Return the patterns of a filter. A name that contains | has a backslash before it."""
    return [re.sub(r"\\\|", "|", pattern) for pattern in re.split(r"(?<!\\)\|", value) if pattern]


def covers(pattern: str, path: str) -> bool:
    """Return True if a pattern is that of a file, or of a folder above it."""
    parts = path.split("/")
    return any(_compile(pattern).fullmatch("/".join(parts[:end])) for end in range(2, len(parts) + 1))


@functools.cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
