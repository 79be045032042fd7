"""The line of each key of a TOML document, which `tomllib` does not report.

The scanner is for documents that `tomllib` accepts, so it does not check the syntax. It runs only if a rule was broken.
A test compares its keys with those of `tomllib`.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left

Path = tuple[str | int, ...]
"""Keys from the top of the document; an int is an index into an array, from 0."""

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'  # one or two quotes may come right before the closing three
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")  # no number, date or boolean has these characters; a date may have a space


def key_lines(text: str) -> dict[Path, int]:
    """Return the line, from 1, of each table, key and array element of a valid document.

    The line of a table with a header is that of the header. The line of a table that exists only through dotted keys
    or other headers is that of the first of them.
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}
        self._sizes: dict[Path, int] = {}  # elements so far of each array of tables

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_GAP)
        return self._lines

    def _header(self) -> Path:
        line, brackets = self._line(), 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        *parents, name = self._keys()
        self._at += brackets
        path = self._resolve(parents)
        if brackets == 2:
            path = (*path, name)
            self._lines.setdefault(path, line)
            self._sizes[path] = self._sizes.get(path, 0) + 1
            path = (*path, self._sizes[path] - 1)
        else:
            path = self._resolve([name], path)
        self._lines[path] = line
        return path

    def _resolve(self, keys: list[str], path: Path = ()) -> Path:
        """Return the path of a table; a header below an array of tables refers to the array's last element so far."""
        for key in keys:
            path = (*path, key)
            self._lines.setdefault(path, self._line())
            if path in self._sizes:
                path = (*path, self._sizes[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line, path = self._line(), table
        for key in self._keys():
            path = (*path, key)
            self._lines.setdefault(path, line)
        self._at += 1  # =
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first == "[":
            self._items("]", path)
        elif first == "{":
            self._items("}", path)
        else:
            self._skip(_STRING if first in "\"'" else _SCALAR)

    def _items(self, end: str, path: Path) -> None:
        """Skip an array or an inline table; record the lines of what it contains."""
        self._at, index = self._at + 1, 0
        self._skip(_GAP)
        while self._text[self._at] != end:
            if end == "}":
                self._pair(path)
            else:
                self._lines[*path, index] = self._line()
                self._value((*path, index))
            index += 1
            self._skip(_GAP)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_GAP)
        self._at += 1

    def _keys(self) -> list[str]:
        """Skip a key, which may be dotted, and the space around it; return its parts."""
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(_plain(self._skip(_KEY)))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"character {self._at} of the document is not what the scanner expects")
        self._at = match.end()
        return match.group()

    def _line(self) -> int:
        return bisect_left(self._breaks, self._at) + 1


def _plain(key: str) -> str:
    """Return a key without its quotes and escapes."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
