"""Decompress gzip member by member. All members, or BGZF blocks, form one stream; damage is reported with its location.

Formats: RFC 1952 (gzip), RFC 1951 (deflate), SAM specification 4.1 (BGZF: the extra field BC has the size of the block,
and an empty last block marks the end of the file).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from isal import igzip_lib, isal_zlib

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.expansion import Expansion
from seqdrop.reads.findings import fault

if TYPE_CHECKING:
    from _typeshed import SupportsRead

MAGIC = b"\x1f\x8b"
INPUT = 1 << 17  # compressed bytes that are read at a time
FIRST_INPUT = 1 << 14  # the first bytes for a new member; fewer, so that less is copied if members are small
FHCRC, FEXTRA, FNAME, FCOMMENT, RESERVED = 2, 4, 8, 16, 0xE0
GARBAGE = "the compressed data are followed by data that are not gzip"


class GzipStream:
    """The decompressed bytes of a gzip file. Reading raises InvalidFileError if the file is damaged.

    `members` is the number of members so far; `bgzf` is True if the first one is a BGZF block. Offsets in faults count
    from 0 in the compressed file. `head` are the bytes that were already read from `raw`. At most one byte more is
    decompressed than `expansion` allows.
    """

    def __init__(self, raw: SupportsRead[bytes], head: bytes = b"", expansion: Expansion | None = None) -> None:
        self._raw = raw
        self._expansion = expansion or Expansion()
        self.expanded = 0  # bytes that were decompressed
        self._input = head  # compressed bytes
        self._used = 0  # bytes of _input that are used
        self._before = 0  # compressed bytes before _input
        self._inflater: igzip_lib.IgzipDecompressor | None = None
        self.members = 0
        self.bgzf = False
        self._ends_in_empty = False
        self._damage: InvalidFileError | None = None
        self._padding = 0  # zeros after the last member
        self._header_crc = 0
        self._start = 0
        self._crc = 0
        self._size = 0
        self._next_input = 0

    @property
    def offset(self) -> int:
        """The number of compressed bytes that are used."""
        return self._before + self._used

    def readinto(self, view: memoryview, /) -> int:
        """Fill the start of `view` and return the number of bytes; 0 at the end of the file.

        After damage, each further call raises the same exception.
        """
        if self._damage:
            raise self._damage
        while inflater := self._inflater or self._begin_member():
            most = self._check_expansion()  # first: the byte beyond the bound may be the last of its member
            if inflater.eof:  # all data of the member were returned
                self._end_member()
                continue
            block = self._inflate(inflater, min(len(view), most))
            if block:
                view[: len(block)] = block
                return len(block)
        return 0

    def _check_expansion(self) -> int:
        """Return the number of bytes that may be decompressed, and one. Raise InvalidFileError if it was reached."""
        limit = self._expansion.limit(self)
        if self.expanded > limit:
            message = f"the compressed file expands to more than {limit:,} bytes; the rest was not read"
            raise self._fault("gzip_expansion", message)
        return limit + 1 - self.expanded

    def _inflate(self, inflater: igzip_lib.IgzipDecompressor, size: int) -> bytes:
        compressed = b""
        if inflater.needs_input:
            compressed = self._take(self._next_input)
            self._next_input = INPUT
            if not compressed:
                raise self._fault("gzip_truncated", "the file ends before the end of the compressed data")
        try:
            block = inflater.decompress(compressed, size)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # isal's stub declares an instance
            raise self._fault("gzip_corrupt", "the compressed data are invalid; bytes were changed") from error
        self._crc = isal_zlib.crc32(block, self._crc)
        self._size += len(block)
        self.expanded += len(block)
        if inflater.eof:
            self._give_back(len(inflater.unused_data))
        return block

    def _begin_member(self) -> igzip_lib.IgzipDecompressor | None:
        """Start the next member; return None at the end of the file."""
        self._start = self.offset
        magic = self._read(2)
        if self.members and not magic.strip(b"\0"):  # the end; tapes and some file systems pad files with zeros
            self._skip_padding(len(magic))
            return None
        if magic != MAGIC:
            if magic == MAGIC[:1]:
                raise self._fault("gzip_truncated", "the file ends in the header of another member")
            raise self._fault("gzip_trailing_garbage", GARBAGE)
        self.members += 1
        self._skip_header()
        self._inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        self._crc = 0
        self._size = 0
        self._next_input = FIRST_INPUT
        return self._inflater

    def _skip_padding(self, read: int) -> None:
        """Read and count the zeros after the last member. `read` of them were read before."""
        self._padding += read
        while block := self._take(INPUT):
            if block.strip(b"\0"):
                raise self._fault("gzip_trailing_garbage", GARBAGE)
            self._padding += len(block)

    def _skip_header(self) -> None:
        self._header_crc = isal_zlib.crc32(MAGIC)
        method, flags = self._read_field(8)[:2]
        if method != 8 or flags & RESERVED:
            raise self._fault("gzip_corrupt", "the header of the member is invalid")
        if flags & FEXTRA:
            extra = self._read_field(struct.unpack("<H", self._read_field(2))[0])
            self.bgzf = self.bgzf or (self.members == 1 and extra[:4] == b"BC\x02\x00")
        for flag in (FNAME, FCOMMENT):
            while flags & flag and self._read_field(1) != b"\0":
                pass
        if flags & FHCRC:
            expected = self._header_crc & 0xFFFF
            if struct.unpack("<H", self._read_field(2))[0] != expected:
                raise self._fault("gzip_bad_header_crc", "the header of the member does not have its checksum (FHCRC)")

    def _read_field(self, size: int) -> bytes:
        field = self._read(size)
        if len(field) < size:
            raise self._fault("gzip_truncated", "the file ends in the header of a member")
        self._header_crc = isal_zlib.crc32(field, self._header_crc)
        return field

    def _end_member(self) -> None:
        trailer = self._read(8)
        if len(trailer) < 8:
            raise self._fault("gzip_trailer_cut", "the file ends before the checksum and length of the member")
        crc, size = struct.unpack("<II", trailer)
        if crc != self._crc:
            raise self._fault("gzip_bad_crc", "the data do not have the checksum that the file records for them")
        if size != self._size & 0xFFFFFFFF:
            raise self._fault("gzip_bad_length", "the data do not have the length that the file records for them")
        self._inflater = None
        self._ends_in_empty = self._size == 0

    def end_faults(self) -> list[Fault]:
        """Return the faults of the end of the file: zeros after the last member, or a missing BGZF end-of-file block.

        Call it after the last byte was read.
        """
        faults = []
        if self.bgzf and not self._ends_in_empty:
            missing = "the BGZF end-of-file block is missing; earlier blocks may be missing as well"
            faults.append(self._describe("bgzf_no_eof", missing))
        if self._padding:
            message = f"{self._padding:,} zero bytes follow the last member"
            code = "bgzf_padding" if self.bgzf else "gzip_padding"
            faults.append(fault(code, message, byte=self.offset - self._padding))
        return faults

    def _describe(self, code: str, message: str) -> Fault:
        where = f" (gzip member {self.members}, which starts at byte {self._start} of the compressed file)"
        return fault(code, message + where, byte=self.offset)

    def _fault(self, code: str, message: str) -> InvalidFileError:
        self._damage = InvalidFileError(self._describe(code, message))
        return self._damage

    def _read(self, size: int) -> bytes:
        """Return `size` compressed bytes, or fewer at the end of the file."""
        parts = b""
        while len(parts) < size and (part := self._take(size - len(parts))):
            parts += part
        return parts

    def _take(self, most: int) -> bytes:
        """Return at most `most` compressed bytes; b"" at the end of the file."""
        if self._used >= len(self._input):
            self._before += len(self._input)
            self._input = self._raw.read(INPUT)
            self._used = 0
        part = self._input[self._used : self._used + most]
        self._used += len(part)
        return part

    def _give_back(self, size: int) -> None:
        """Mark the last `size` compressed bytes as not used; the decompressor did not need them."""
        self._used -= size
