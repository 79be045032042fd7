"""Unpack a bundle that an uploader made (docs/bundles.md), by its index, with every checksum."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from seqdrop.runs.bundle_index import INDEX_SUFFIX, Index, is_bundle, read_index
from seqdrop.runs.bundles import BundleError, check, extract

from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.runs.bundle_index import Entry


def unpack_bundle(path: Path) -> Iterator[Path]:
    """Write the files of a bundle below its folder, and yield their paths; none if the path is no bundle.

    The whole tar is compared with its index before the first file is written. Raise CommandError if it is damaged.
    """
    if not is_bundle(path.name):
        return
    index = _read_index(path)
    with path.open("rb") as stream:
        try:
            check(index, stream)
        except BundleError as error:
            raise CommandError(f"{path} is damaged: {error}") from error
    for entry in index.entries:
        yield _write(path, index, entry)


def _read_index(path: Path) -> Index:
    """Return the index, which is the last member of the tar."""
    name = path.name + INDEX_SUFFIX
    with tarfile.open(path) as tar:
        member = next((member for member in reversed(tar.getmembers()) if member.name == name), None)
        stream = tar.extractfile(member) if member else None
        if stream is None:
            raise CommandError(f"{path} has no index; it was not made by `seqdrop upload`")
        return read_index(stream.read(), name)


def _write(path: Path, index: Index, entry: Entry) -> Path:
    """Write one file under its name when it is complete. Names of an index cannot lead out of the folder."""
    target = path.parent / entry.name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.seqdrop-part")
    with path.open("rb") as stream:
        part.write_bytes(extract(index, entry.name, lambda offset, size: _read(stream, offset, size)))
    modified = entry.modified.timestamp()
    os.utime(part, (modified, modified))
    part.replace(target)
    return target


def _read(stream: BinaryIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)
