"""An uploader's manifest: the files that a run is made of."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass

from seqdrop.companions.runs import MANIFEST
from seqdrop.errors import Fault, InvalidFileError

MOST_BYTES = 20_000_000  # 100,000 files of a run, and more
ADVICE = (
    'Write {"files": [{"name": "path below the folder of the manifest", "size": bytes}]}, where size may be left out, '
    "and drop it again."
)


@dataclass(frozen=True)
class Manifest:
    """Names below the manifest's folder → sizes in bytes, None where the manifest says nothing."""

    files: dict[str, int | None]

    def missing(self, found: dict[str, int]) -> list[str]:
        """The names that are not among those found, or are there with another size."""
        return [name for name, size in self.files.items() if name not in found or size not in (None, found[name])]


def parse(body: bytes) -> Manifest:
    """Read a manifest. Raises InvalidFileError (`bad_manifest`) that says what is wrong with which entry."""
    try:
        document = json.loads(body.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise _bad(f"it is no JSON: {error}") from error
    entries = document.get("files") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise _bad('it has no list "files" with at least one file')
    files: dict[str, int | None] = {}
    for number, entry in enumerate(entries, start=1):
        name, size = _entry(number, entry)
        if name in files:
            raise _bad(f"file {number} is named twice: {name}")
        files[name] = size
    return Manifest(files)


def _entry(number: int, entry: object) -> tuple[str, int | None]:
    if not isinstance(entry, dict) or set(entry) - {"name", "size"} or not isinstance(entry.get("name"), str):
        raise _bad(f"file {number} must have a name and may have a size, and nothing else")
    name, size = entry["name"], entry.get("size")
    if not all(name.split("/")) or {".", ".."} & set(name.split("/")):
        raise _bad(f"file {number} must be named by its path below the folder of the manifest, and is named {name!r}")
    if size is not None and (type(size) is not int or size < 0):
        raise _bad(f"the size of file {number} must be a whole number of bytes from 0")
    return name, size


def _bad(message: str) -> InvalidFileError:
    return InvalidFileError(Fault("bad_manifest", f"{MANIFEST}: {message}", ADVICE))
