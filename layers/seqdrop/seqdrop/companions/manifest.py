"""A manifest: the list of the files of a run, which the uploader writes."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.companions.runs import MANIFEST
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.checksums import CRC32, SHA256, Checksums, algorithm_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 20_000_000  # enough for more than 100,000 files
ADVICE = (
    'Write {"files": [{"name": "path below the folder of the manifest", "size": bytes}]}, where size, sha256 and crc32 '
    "are optional, and drop it again."
)


@dataclass(frozen=True)
class Manifest:
    """The files of a run: {path below the manifest's folder: size in bytes, or None if the manifest gives no size}.

    `checksums` has those files for which the manifest gives a SHA-256, a CRC32, or both.
    """

    files: dict[str, int | None]
    checksums: dict[str, Checksums] = field(default_factory=dict)

    def missing(self, present: Mapping[str, int]) -> list[str]:
        """Return the names of files that are not in `present` ({name: size in bytes}) or have another size there."""
        return [
            name
            for name, size in self.files.items()
            if name not in present or (size is not None and size != present[name])
        ]


def parse(body: bytes) -> Manifest:
    """Read a manifest. Raise InvalidFileError (`bad_manifest`) if it is invalid; the message names the entry."""
    try:
        document = json.loads(body.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:  # not JSON, or not UTF-8
        raise _bad_manifest(f"it is not valid JSON: {error}") from error
    entries = document.get("files") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise _bad_manifest('it has no list "files" with at least one file')
    manifest = Manifest({})
    for number, entry in enumerate(entries, start=1):
        name, size = _parse_entry(number, entry)
        if name in manifest.files:
            raise _bad_manifest(f"file {number} is listed twice: {name}")
        manifest.files[name] = size
        checksums = _parse_checksums(number, entry)
        if checksums != Checksums():
            manifest.checksums[name] = checksums
    return manifest


def _parse_checksums(number: int, entry: dict[str, object]) -> Checksums:
    values = {}
    for algorithm in {CRC32, SHA256} & entry.keys():
        value = entry[algorithm]
        if not isinstance(value, str) or algorithm_of(value) != algorithm:
            digits = 64 if algorithm == SHA256 else 8
            raise _bad_manifest(f"the {algorithm} of file {number} must have {digits} lower-case hexadecimal digits")
        values[algorithm] = value
    return Checksums(**values)


def _parse_entry(number: int, entry: object) -> tuple[str, int | None]:
    known = {"name", "size", CRC32, SHA256}
    if not isinstance(entry, dict) or set(entry) - known or not isinstance(entry.get("name"), str):
        raise _bad_manifest(
            f"file {number} must be an object with a name, optionally size, sha256 and crc32, and nothing else"
        )
    name: str = entry["name"]
    size: object = entry.get("size")
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts):
        raise _bad_manifest(
            f"the name of file {number} must be its path below the folder of the manifest, but is {name!r}"
        )
    if size is None:
        return name, None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _bad_manifest(f"the size of file {number} must be a whole number of bytes, 0 or more")
    return name, size


def _bad_manifest(message: str) -> InvalidFileError:
    return InvalidFileError(Fault("bad_manifest", f"{MANIFEST}: {message}", ADVICE))
