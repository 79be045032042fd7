"""The layout of a bundle whose files are known by their checksums: its index and its parts, before a byte is read.

The bytes of a bundle follow from its files, so the place of each file, the index, the size of the tar and the borders
of its parts do as well. A bundle that was interrupted is therefore continued at any part.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from seqdrop.runs.bundle_index import Entry, Index, blocks, name_bundle
from seqdrop.runs.bundles import make_header, make_tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.runs.files import RunFile

PART = 8 << 20  # bytes; each part but the last has at least as many, and S3 wants 5 MB


@dataclass(frozen=True)
class Part:
    """Bytes `start` to `start + size` of a tar: files `first` to `last` (excluded) of its index, with their headers.

    `number` counts from 1. The last part also has `tail`, which ends the tar. A part begins with the header of a file,
    so no file is in two parts, and its bytes can be checked by themselves.
    """

    number: int
    first: int
    last: int
    start: int
    size: int
    tail: bytes = b""


def lay_out(files: Iterable[tuple[RunFile, str, str]]) -> Index:
    """Return the index of the bundle of files, each with its CRC-32 and SHA-256 in hexadecimal.

    The names must be different, and such as `explain_name` accepts. `write_bundle` makes the same index of their bytes.
    """
    ordered = sorted(files, key=lambda row: row[0].name)
    entries, offset = [], 0
    for file, crc32, sha256 in ordered:
        offset += len(make_header(file.name, file.size, file.modified))
        entries.append(Entry(file.name, offset, file.size, crc32, sha256, file.modified.astimezone(UTC)))
        offset += blocks(file.size)
    return Index(name_bundle(file for file, _, _ in ordered), tuple(entries))


def divide(index: Index) -> Iterator[Part]:
    """Yield the parts of a tar. Each ends with the first file that makes it PART bytes or more, the last with the tar.

    Their number is at most the size of the tar by PART, rounded up.
    """
    first, start, number, end = 0, 0, 1, 0
    for place, entry in enumerate(index.entries):
        end = entry.offset + blocks(entry.size)
        if end - start >= PART and place + 1 < len(index.entries):
            yield Part(number, first, place + 1, start, end - start)
            first, start, number = place + 1, end, number + 1
    tail = make_tail(index)
    yield Part(number, first, len(index.entries), start, end - start + len(tail), tail)


def fill_headers(index: Index, part: Part, buffer: memoryview) -> None:
    """Write all bytes of a part that are no file to `buffer`: headers, the padding after each file, and the tail."""
    end = 0  # of the file before, without its padding
    for entry in index.entries[part.first : part.last]:
        begin = entry.offset - part.start
        header = make_header(entry.name, entry.size, entry.modified)
        buffer[end:begin] = bytes(begin - end - len(header)) + header
        end = begin + entry.size
    buffer[end : part.size] = bytes(part.size - end - len(part.tail)) + part.tail


def overhead(index: Index, size: int) -> int:
    """Return the bytes of a tar of `size` bytes that are no files: headers, padding, the index, and the end."""
    return size - sum(entry.size for entry in index.entries)
