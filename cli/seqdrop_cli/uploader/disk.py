"""A run folder on a disk or a network share, as the rules of completion and bundles take it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

from seqdrop.runs.files import RunFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_READ = 64 << 20  # bytes of a file that describes a run; a manifest of PacBio or Illumina has far fewer


@dataclass(frozen=True)
class DiskFolder:
    """The folder at `path`. Names of files are paths below it, with `/` on every system."""

    path: Path

    def scan(self) -> list[RunFile]:
        """Return all files, in no order. Hidden files and links to folders are left out.

        A file or folder that vanishes meanwhile is left out, too. Raise OSError if the folder itself, or one in it,
        cannot be read: a share that is not mounted must not look like a run without files.
        """
        return list(_scan(str(self.path)))

    def look(self, name: str) -> RunFile:
        """Return the file as it is now. Raise FileNotFoundError if it is gone."""
        return _run_file(name, (self.path / name).stat())

    def open(self, name: str) -> BinaryIO:
        """Open the file for reading. Raise OSError if that fails."""
        return (self.path / name).open("rb")

    def read(self, name: str) -> bytes:
        """Return the content of a small file. Raise FileNotFoundError if it is gone, OSError if it is too large."""
        with self.open(name) as file:
            body = file.read(MOST_READ + 1)
        if len(body) > MOST_READ:
            raise OSError(f"{name} is larger than the files that describe a run")
        return body


def _scan(root: str) -> Iterator[RunFile]:
    folders = [(root, "")]
    while folders:
        folder, prefix = folders.pop()
        for entry in _list(folder, is_root=not prefix):
            if entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{prefix}{entry.name}/"))
            elif entry.is_file():
                try:
                    # Not entry.stat(): on Windows it has the size of a file that is still written from the folder.
                    yield _run_file(prefix + entry.name, os.stat(entry.path))  # noqa: PTH116 # half the time of Path
                except FileNotFoundError:
                    continue


def _list(folder: str, *, is_root: bool) -> list[os.DirEntry[str]]:
    """Return the entries of a folder without hidden ones; [] if it was deleted or renamed since its parent was read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:
        if is_root:
            raise
        return []


def _run_file(name: str, status: os.stat_result) -> RunFile:
    return RunFile(name, status.st_size, EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000))
