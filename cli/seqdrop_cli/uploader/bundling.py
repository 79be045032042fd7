"""The bundles of one run folder on this machine: packed, sent, and afterwards remembered by their indexes.

The spool has a folder for each unit of the run. A tar in it is still to be sent; it is deleted once S3 has it and its
index. The index stays: it says which files were sent in a bundle. Each of the two gets its name only when it is whole
and on the disk, the tar first, so a crash at any point leaves either a bundle to send or remains that are deleted.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from seqdrop.runs.bundle_index import INDEX_SUFFIX, Index, is_bundle, is_index, read_index
from seqdrop.runs.bundle_policy import join
from seqdrop.runs.bundles import BundleError, FileChangedError, check, write_bundle
from seqdrop.runs.files import RunFile, RunFileError

from seqdrop_cli.uploader.ownership import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.runs.bundle_index import Entry
    from seqdrop.runs.bundle_policy import Bundle
    from seqdrop.runs.bundles import Folder

UNFINISHED = ".unfinished"
LOCK = "lock"


class SpoolTakenError(Exception):
    """Another process of this machine uploads the same run folder."""


@dataclass(frozen=True)
class Packed:
    """A bundle in the spool. `folder` is its unit below the run; `tar` and `index` are its two files on disk."""

    folder: str
    tar: Path
    index: Path


class BundleSpool:
    """The spool of one run folder, which one process has at a time. The folder at `path` is made if there is none.

    Raise SpoolTakenError if another process has it, and OSError if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = (path / LOCK).open("ab")
        try:
            try_lock(self._lock)
        except OSError as error:
            self._lock.close()
            raise SpoolTakenError from error
        self._places: dict[str, tuple[Packed, Entry]] = {}
        self._unsent: dict[Path, Packed] = {}
        try:
            for packed, index in self._restore():
                self._add(packed, index)
        except BaseException:
            self._lock.close()
            raise

    @property
    def unsent(self) -> list[Packed]:
        """The bundles that S3 may not have."""
        return list(self._unsent.values())

    def has(self, file: RunFile) -> bool:
        """Return True if a bundle, sent or not, has this version of a file of the run."""
        place = self.find(file.name)
        return place is not None and RunFile(file.name, place[1].size, place[1].modified) == file

    def find(self, name: str) -> tuple[Packed, Entry] | None:
        """Return the latest bundle that has a file of the run, and its entry in the index; None if there is none."""
        return self._places.get(name)

    def pack(self, bundle: Bundle, source: Folder) -> tuple[Packed | None, list[str]]:
        """Pack a bundle from a unit's folder; return it, and the names below the unit of files that changed meanwhile.

        Those are left out. The bundle is None if none remain. Raise OSError if the disk is full or a file unreadable.
        """
        changed: list[str] = []
        folder = self.path / bundle.folder
        folder.mkdir(parents=True, exist_ok=True)
        while files := [file for file in bundle.files if file.name not in changed]:
            try:
                index = _write(folder, files, source)
            except FileChangedError as error:
                changed.append(error.name)
                continue
            packed = Packed(bundle.folder, folder / index.tar, folder / index.name)
            self._add(packed, index)
            return packed, changed
        return None, changed

    def finish(self, packed: Packed) -> None:
        """Delete the tar of a bundle that S3 has, with its index."""
        packed.tar.unlink(missing_ok=True)
        self._unsent.pop(packed.tar, None)

    def close(self) -> None:
        """Let another process have the spool."""
        self._lock.close()

    def _add(self, packed: Packed, index: Index) -> None:
        for entry in index.entries:
            self._places[join(packed.folder, entry.name)] = packed, entry
        if packed.tar.exists():
            self._unsent[packed.tar] = packed

    def _restore(self) -> Iterator[tuple[Packed, Index]]:
        """Yield the bundles that an earlier process left, and delete what a crash left half written."""
        for path in sorted(self.path.rglob("*"), key=lambda path: path.stat().st_mtime_ns):  # the latest bundle counts
            if path.name.endswith(UNFINISHED) or (is_bundle(path.name) and not _index_of(path).exists()):
                path.unlink(missing_ok=True)
            elif is_index(path.name):
                tar = path.with_name(path.name.removesuffix(INDEX_SUFFIX))
                folder = path.parent.relative_to(self.path).as_posix()
                packed = Packed("" if folder == "." else folder, tar, path)
                if index := _read(packed):
                    yield packed, index


def _index_of(tar: Path) -> Path:
    return tar.with_name(tar.name + INDEX_SUFFIX)


def _read(packed: Packed) -> Index | None:
    """Return the index of a bundle; None if a power failure has damaged the bundle, which is deleted then."""
    try:
        index = read_index(packed.index.read_bytes(), packed.index.name)
        if packed.tar.exists():
            with packed.tar.open("rb") as stream:
                check(index, stream)
    except (RunFileError, BundleError):
        packed.index.unlink()
        packed.tar.unlink(missing_ok=True)
        return None
    return index


def _write(folder: Path, files: list[RunFile], source: Folder) -> Index:
    """Write tar and index into a folder of the spool, and return the index. Raise FileChangedError and OSError."""
    unfinished = folder / f"{os.getpid()}{UNFINISHED}"
    try:
        with unfinished.open("wb") as stream:
            index = write_bundle(files, source, stream)
            _sync(stream)
        unfinished.replace(folder / index.tar)
        _sync_folder(folder)
        with unfinished.open("wb") as stream:
            stream.write(index.body)
            _sync(stream)
        unfinished.replace(folder / index.name)
    finally:
        unfinished.unlink(missing_ok=True)
    return index


def _sync(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Write the names of a folder to the disk. Windows has no such call; NTFS writes them in their order."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
