"""The files of folders: which of them are taken, and which are left out."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Selection:
    """Which files of folders are taken: those that match an include (all, if there is none) and no exclude.

    A pattern is matched with the path below the named folder, and with the name alone. `*` matches slashes as well.
    """

    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        """Return True if the file with this path below the folder is taken."""
        base = name.rpartition("/")[2]
        included = not self.includes or _matches(self.includes, name, base)
        return included and not _matches(self.excludes, name, base)


def _matches(patterns: tuple[str, ...], *names: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


@dataclass(frozen=True)
class Run:
    """A run folder on disk, and the prefix of its files in the landing bucket, `runs/<folder name>/`."""

    folder: Path
    prefix: str


@dataclass(frozen=True)
class Listing:
    """The files of one folder. `root` is the path that was named; `run` is the run folder around it, if any."""

    root: Path
    folder: Path
    names: list[str]
    run: Run | None


@dataclass
class LeftOut:
    """The files that are not sent: their number and an example, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, path: Path | str, reason: str) -> None:
        """Count a file."""
        self.counts[reason] += 1
        self.examples.setdefault(reason, str(path))


def list_folder(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the folders and of the files in a folder, sorted. Hidden ones and special files are left out.

    Links to folders are not followed.
    """
    folders, names = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_file() or (entry.is_symlink() and not entry.is_dir()):
                names.append(entry.name)
    return sorted(folders), sorted(names)
