"""The files inside the bundles of a run (docs/bundles.md), from the indexes beside the tars."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.reads.checksums import Checksums
from seqdrop.runs.bundle_index import MOST_BYTES, read_index
from seqdrop.runs.files import RunFile, RunFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from seqdrop.runs.files import ReadFile


@dataclass(frozen=True)
class BundledFile:
    """A file inside a bundle; its time is that of the bundle's arrival."""

    file: RunFile
    checksums: Checksums


@dataclass(frozen=True)
class BundledFiles:
    """All files inside bundles, by their path below the run folder; `problems` are indexes that cannot be read."""

    files: dict[str, BundledFile] = field(default_factory=dict)
    problems: list[RunFileError] = field(default_factory=list)


def read_bundles(indexes: Iterable[str], read: ReadFile, arrived: Mapping[str, datetime]) -> BundledFiles:
    """Return the files of these indexes, which are paths below the run folder; `arrived` is when each arrived."""
    result = BundledFiles()
    for name in sorted(indexes):
        try:
            result.files.update(_read_bundle(name, read, arrived[name]))
        except FileNotFoundError:
            result.problems.append(RunFileError(name, "it was deleted before it was read"))
        except RunFileError as error:
            result.problems.append(error)
    return result


def _read_bundle(name: str, read: ReadFile, arrived: datetime) -> dict[str, BundledFile]:
    body = read(name)
    if len(body) > MOST_BYTES:
        raise RunFileError(name, f"it has {len(body):,} bytes; an index has at most {MOST_BYTES:,}")
    folder = posixpath.dirname(name)
    files = {}
    for entry in read_index(body, name).entries:
        path = posixpath.join(folder, entry.name)
        checksums = Checksums(entry.crc32, entry.sha256, "")
        files[path] = BundledFile(RunFile(path, entry.size, arrived), checksums)
    return files
