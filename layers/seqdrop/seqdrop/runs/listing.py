"""The files of a run folder, indexed so that markers are found without case and without a second pass."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from seqdrop.runs.files import RunFile


def join(folder: str, name: str) -> str:
    """Return the path of a name below a folder, where "" is the run folder itself."""
    return f"{folder}/{name}" if folder else name


class Listing:
    """An index of the files of a run. Names are compared without case (`copycomplete.txt` exists), and keep theirs.

    `folders` maps each folder that has files of its own to the time of its newest file; "" is the run folder. `latest`
    is the time of the newest file of all; None if there is none.
    """

    def __init__(self, files: Collection[RunFile]) -> None:
        self.folders: dict[str, datetime] = {}
        self._files: dict[str, RunFile] = {}
        self._names: dict[str, set[str]] = {}
        for file in files:
            folder, _, _ = file.name.rpartition("/")
            if folder not in self.folders or self.folders[folder] < file.modified:
                self.folders[folder] = file.modified
            self._add(file.name.lower(), file)
        self.latest = max(self.folders.values(), default=None)

    def _add(self, path: str, file: RunFile) -> None:
        """Index a file by its path in lower case; of two that differ only in case, the newer one counts."""
        before = self._files.get(path)
        if before is None:
            folder, _, name = path.rpartition("/")
            self._names.setdefault(folder, set()).add(name)
        if before is None or (before.modified, before.name, before.size) < (file.modified, file.name, file.size):
            self._files[path] = file

    def get(self, path: str) -> RunFile | None:
        """Return the file with a path below the run folder, compared without case; None if there is none."""
        return self._files.get(path.lower())

    def find(self, folder: str, pattern: str) -> list[RunFile]:
        """Return the files below a folder that match a pattern; only the last part of it may have a `*`.

        `a|b` is a or b.
        """
        return [file for choice in pattern.split("|") for file in self._find(join(folder, choice))]

    def _find(self, path: str) -> list[RunFile]:
        if "*" not in path.rpartition("/")[2]:
            file = self.get(path)
            return [file] if file else []
        folder, _, pattern = path.lower().rpartition("/")
        names = [name for name in self._names.get(folder, ()) if fnmatchcase(name, pattern)]
        return [self._files[join(folder, name)] for name in sorted(names)]

    def has_match(self, pattern: re.Pattern[str]) -> bool:
        """Return True if the whole path of a file, in lower case, matches."""
        return any(pattern.fullmatch(path) for path in self._files)

    def names(self, folder: str) -> Collection[str]:
        """Return the names of the files directly in a folder, in lower case."""
        return self._names.get(folder.lower(), ())

    def newest(self, folders: Iterable[str]) -> datetime | None:
        """Return the time of the newest file that is directly in one of these folders; None if they have none."""
        return max((self.folders[folder] for folder in folders if folder in self.folders), default=None)
