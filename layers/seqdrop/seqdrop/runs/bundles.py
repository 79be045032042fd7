"""Bundles: many small files of a run as one tar, with an index (docs/bundles.md). The uploader and the archive use it.

The bytes of a bundle follow from its files: sorted, without owners, in blocks of 512 bytes. So it is checked without a
parser of tar: each header is compared with the one that the index implies.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from isal import isal_zlib

from seqdrop.errors import RetryableError, SeqdropError
from seqdrop.runs.bundle_index import Entry, Index, blocks, explain_name, name_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from seqdrop.runs.files import RunFile

CHUNK = 1 << 20  # bytes in memory at a time
END = bytes(2 * tarfile.BLOCKSIZE)  # two empty blocks end a tar
LONGEST_PLAIN = 100  # bytes of a name in a header without a pax header
EIGHT_GB = 8**11  # the first number that does not fit into the eleven octal digits of a size or time
# What follows the checksum in the header of a plain file: type, no link, the magic of ustar, no owner, no device.
PLAIN_END = b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
END_SUM = sum(PLAIN_END) + 8 * ord(" ")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400  # seconds


class Folder(Protocol):
    """The folder from which a bundle is packed; names are paths below it, with `/`."""

    def look(self, name: str) -> RunFile:
        """Return the file as it is now. Raise FileNotFoundError if it is gone."""

    def open(self, name: str) -> BinaryIO:
        """Open the file for reading. Raise OSError if that fails."""


class FileChangedError(RetryableError):
    """A file that was written, replaced or deleted while it was packed. Pack the bundle again without it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} changed while it was packed; it is packed later, once it is quiet")
        self.name = name


class BundleError(SeqdropError):
    """A tar that differs from its index, or files that no bundle can have. Permanent."""


@dataclass
class Hashes:
    """CRC-32 and SHA-256 of bytes that come in chunks, and their number."""

    size: int = 0
    crc32: int = 0
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, chunk: bytes) -> bytes:
        """Add a chunk, and return it."""
        self.size += len(chunk)
        self.crc32 = isal_zlib.crc32(chunk, self.crc32)
        self.sha256.update(chunk)
        return chunk

    def match(self, entry: Entry) -> bool:
        """Return True if size and checksums are those of the entry."""
        return (self.size, f"{self.crc32:08x}", self.sha256.hexdigest()) == (entry.size, entry.crc32, entry.sha256)


def write_bundle(files: Collection[RunFile], folder: Folder, stream: BinaryIO) -> Index:
    """Write the bundle of the files to `stream`, and return its index, which is also the last member of the tar.

    The same files give the same bytes. Memory does not grow with the files. Raise FileChangedError if a file is not
    as `files` has it, before or after its bytes were read, and BundleError if there are no files, or a name comes twice
    or is refused by `explain_name`.
    """
    ordered = _sort(files)
    entries = []
    offset = 0
    for file in ordered:
        header = make_header(file.name, file.size, file.modified)
        stream.write(header)
        offset += len(header)
        entries.append(_pack(file, offset, folder, stream))
        offset += blocks(file.size)
    index = Index(name_bundle(ordered), tuple(entries))
    stream.write(make_tail(index))
    return index


def extract(index: Index, name: str, read_range: Callable[[int, int], bytes]) -> bytes:
    """Return the bytes of one file, which `read_range(offset, size)` reads from the tar; verify both checksums.

    Raise FileNotFoundError if the bundle does not have the file, and BundleError if the tar is damaged there.
    """
    entry = index.by_name.get(name)
    if entry is None:
        raise FileNotFoundError(f"the bundle {index.tar} does not have this file")
    hashes = Hashes()
    body = hashes.take(read_range(entry.offset, entry.size) if entry.size else b"")
    if not hashes.match(entry):
        raise _differs(index, entry.offset, "the bytes of a file differ from its checksums")
    return body


def check(index: Index, stream: BinaryIO) -> None:
    """Read a tar once, and raise BundleError with the byte unless it is exactly the bundle of the index.

    Headers, checksums, padding, the index in the tar and its end are compared. Memory does not grow with the files.
    """
    offset = 0
    for entry in index.entries:
        header = make_header(entry.name, entry.size, entry.modified)
        if offset + len(header) != entry.offset or _read(stream, len(header)) != header:
            raise _differs(index, offset, "the header of a file differs from the index")
        if not _hash(stream, entry.size).match(entry):
            raise _differs(index, entry.offset, "the bytes of a file differ from its checksums")
        offset = entry.offset + blocks(entry.size)
        padding = blocks(entry.size) - entry.size
        if _read(stream, padding) != bytes(padding):
            raise _differs(index, offset - padding, "the padding is not empty")
    tail = make_tail(index)
    if _read(stream, len(tail)) != tail or stream.read(1):
        raise _differs(index, offset, "the index in the tar is another one, or the end is not that of a bundle")


def measure(index: Index) -> int:
    """Return the size of the tar in bytes."""
    last = index.entries[-1]
    return last.offset + blocks(last.size) + len(make_tail(index))


def _sort(files: Collection[RunFile]) -> list[RunFile]:
    ordered = sorted(files, key=lambda file: file.name)
    if not ordered:
        raise BundleError("a bundle needs at least one file")
    for before, file in zip([None, *ordered], ordered, strict=False):
        if reason := explain_name(file.name):
            raise BundleError(f"a file cannot be bundled, because of its name: {reason}")
        if before and before.name == file.name:
            raise BundleError("a file is listed twice for one bundle")
    return ordered


def make_header(name: str, size: int, modified: datetime) -> bytes:
    """Return the blocks before the bytes of a file. Longer or non-ASCII names get a pax header in front."""
    since = modified - EPOCH
    seconds = since.days * DAY + since.seconds  # rounded down; `//` of two durations takes five times as long
    if name.isascii() and len(name) <= LONGEST_PLAIN and 0 <= size < EIGHT_GB and 0 <= seconds < EIGHT_GB:
        return _make_plain_header(name.encode(), size, seconds)
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o644, seconds
    return member.tobuf(tarfile.PAX_FORMAT)


def _make_plain_header(name: bytes, size: int, seconds: int) -> bytes:
    """Return the block that tarfile makes, which takes it three times as long as the SHA-256 of a small file.

    The checksum is the sum of the bytes of the block, in which its own field counts as spaces.
    """
    start = name.ljust(LONGEST_PLAIN, b"\0") + b"0000644\0000000000\0000000000\0%011o\0%011o\0" % (size, seconds)
    return b"%b%06o\0 %b" % (start, _sum(start) + END_SUM, PLAIN_END)


def _sum(block: bytes) -> int:
    """Return the sum of at most 256 bytes: the lower half of Adler-32 less one (RFC 1950, 8.2), ten times as fast."""
    return (zlib.adler32(block) & 0xFFFF) - 1


def make_tail(index: Index) -> bytes:
    """Return what follows the last file: the index as a member, and the end of the tar."""
    body = index.body
    return make_header(index.name, len(body), index.newest) + body + bytes(blocks(len(body)) - len(body)) + END


def _pack(file: RunFile, offset: int, folder: Folder, stream: BinaryIO) -> Entry:
    hashes = Hashes()
    try:
        _require_same(file, folder)
        with folder.open(file.name) as source:
            for chunk in _chunks(source, file.size):
                stream.write(hashes.take(chunk))
            if hashes.size != file.size or source.read(1):
                raise FileChangedError(file.name)
        _require_same(file, folder)
    except FileNotFoundError as error:
        raise FileChangedError(file.name) from error
    stream.write(bytes(blocks(file.size) - file.size))
    crc32, sha256 = f"{hashes.crc32:08x}", hashes.sha256.hexdigest()
    return Entry(file.name, offset, file.size, crc32, sha256, file.modified.astimezone(UTC))


def _require_same(file: RunFile, folder: Folder) -> None:
    now = folder.look(file.name)
    if (now.size, now.modified) != (file.size, file.modified):
        raise FileChangedError(file.name)


def _chunks(source: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := source.read(min(size, CHUNK))):
        size -= len(chunk)
        yield chunk


def _hash(stream: BinaryIO, size: int) -> Hashes:
    hashes = Hashes()
    for chunk in _chunks(stream, size):
        hashes.take(chunk)
    return hashes


def _read(stream: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, fewer only at the end of the stream."""
    return b"".join(_chunks(stream, size))


def _differs(index: Index, byte: int, message: str) -> BundleError:
    return BundleError(f"{index.tar}, byte {byte}: {message}; restore or upload the bundle again")
