"""Frees the disk of an instrument: a file is deleted only if a receipt proves that the archive has the same bytes."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.uploader.proofs import NOT_SENT, OTHER_BYTES, Proofs, UnprovenError
from seqdrop_cli.uploader.records import Identity, Item

if TYPE_CHECKING:
    from collections.abc import Iterable


LINK, REST_OF_RUN = "a link", "its run is not archived as a whole"


@dataclass
class Freeable:
    """The files that may be deleted, and the number of those that stay, by reason."""

    files: list[tuple[str, Identity]] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """Bytes of the files that may be deleted."""
        return sum(identity.size for _, identity in self.files)

    def add(self, other: Freeable) -> None:
        """Add the files of another folder."""
        self.files += other.files
        self.kept += other.kept


@dataclass(frozen=True)
class Proven:
    """A file whose bytes the archive has, if they have this SHA-256."""

    path: str
    identity: Identity
    sha256: str

    @property
    def is_same(self) -> bool:
        """Whether the file has the bytes. It is read."""
        with Path(self.path).open("rb") as body:
            return hashlib.file_digest(body, "sha256").hexdigest() == self.sha256


def find_freeable(proofs: Proofs, items: Iterable[Item]) -> Freeable:
    """Return which files of a run, or files outside a run, may be deleted. Of a run, either all files or none may be.

    A file is read only if nothing else keeps it.
    """
    freeable, proven = Freeable(), list[tuple[Item, Proven]]()
    for item in items:
        if item.group and freeable.kept:
            freeable.kept[REST_OF_RUN] += 1
            continue
        try:
            proven.append((item, _prove(proofs, item)))
        except UnprovenError as error:
            freeable.kept[str(error)] += 1
    for item, file in proven:
        if item.group and freeable.kept:
            freeable.kept[REST_OF_RUN] += 1
        elif file.is_same:
            freeable.files.append((file.path, file.identity))
        else:
            freeable.kept[OTHER_BYTES] += 1
    return _keep_whole(freeable, is_run=any(item.group for item, _ in proven))


def _keep_whole(freeable: Freeable, *, is_run: bool) -> Freeable:
    """Return what may be deleted: nothing of a run if one of its files stays."""
    if is_run and freeable.kept and freeable.files:
        freeable.kept[REST_OF_RUN] += len(freeable.files)
        freeable.files = []
    return freeable


def _prove(proofs: Proofs, item: Item) -> Proven:
    path = Path(item.path)
    try:
        if path.is_symlink():
            raise UnprovenError(LINK)
        identity = Identity.of(item.path, path.stat())
    except OSError as error:
        raise UnprovenError(NOT_SENT) from error
    return Proven(item.path, identity, proofs.find_sha256(item, identity))


def free(freeable: Freeable) -> tuple[int, int]:
    """Delete the files that have not changed since they were compared; return their number and their bytes."""
    count = size = 0
    for path, identity in freeable.files:
        if Identity.of(path, Path(path).stat()) == identity:
            Path(path).unlink()
            count, size = count + 1, size + identity.size
    return count, size
