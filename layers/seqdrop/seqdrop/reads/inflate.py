"""gzip, member by member: multi-member files and BGZF are read as one stream, and damage is told exactly.

Formats: RFC 1952 (gzip), RFC 1951 (deflate), SAM specification 4.1 (BGZF: a BC extra field holds the block's size,
an empty last block marks the end).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from isal import igzip_lib, isal_zlib

from seqdrop.errors import InvalidFileError
from seqdrop.reads.findings import fault

MAGIC = b"\x1f\x8b"
INPUT = 1 << 17
FIRST_BITE = 1 << 14  # fed to a new member, so that files of many small members are not copied over and over
FHCRC, FEXTRA, FNAME, FCOMMENT, RESERVED = 2, 4, 8, 16, 0xE0


class GzipStream:
    """The plain bytes of a gzip file, through `readinto`. Raises InvalidFileError where the file is damaged.

    `members` counts those begun, `bgzf` tells whether the first is a BGZF block. Offsets in faults are of the
    compressed file, from 0.
    """

    def __init__(self, raw: BinaryIO, head: bytes = b""):
        self._raw = raw
        self._held, self._at = head, 0  # compressed bytes, and how many of them are used
        self._before = 0  # compressed bytes before _held
        self._inflater = None
        self.members, self.bgzf = 0, False
        self._ends_in_empty = False
        self._start = self._crc = self._size = self._bite = 0

    @property
    def offset(self) -> int:
        return self._before + self._at

    def readinto(self, view: memoryview) -> int:
        """Fill some of `view`; 0 at the end of the file."""
        while self._inflater or self._begin_member():
            if self._inflater.eof:  # what was sound has been handed out by now
                self._end_member()
                continue
            block = self._inflate(len(view))
            if block:
                view[: len(block)] = block
                return len(block)
        return 0

    def _inflate(self, room: int) -> bytes:
        inflater = self._inflater
        bite = b""
        if inflater.needs_input:
            bite = self._take(self._bite)
            self._bite = INPUT
            if not bite:
                raise self._fault("gzip_truncated", "the file ends before the end of the compressed data")
        try:
            block = inflater.decompress(bite, room)
        except igzip_lib.IsalError as error:
            raise self._fault("gzip_corrupt", "the compressed data make no sense; bytes were changed") from error
        self._crc = isal_zlib.crc32(block, self._crc)
        self._size += len(block)
        if inflater.eof:
            self._give_back(len(inflater.unused_data))
        return block

    def _begin_member(self) -> bool:
        self._start = self.offset
        magic = self._need(2)
        if self.members and not magic.strip(b"\0"):  # padding with zeros, as tapes and some file systems leave it
            return self._skip_padding()
        if magic != MAGIC:
            if magic == MAGIC[:1]:
                raise self._fault("gzip_truncated", "the file ends in the header of a further member")
            raise self._fault("gzip_trailing_garbage", "something that is no gzip follows the compressed data")
        self.members += 1
        self._header()
        self._inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        self._crc = self._size = 0
        self._bite = FIRST_BITE
        return True

    def _skip_padding(self) -> bool:
        while block := self._take(INPUT):
            if block.strip(b"\0"):
                raise self._fault("gzip_trailing_garbage", "something that is no gzip follows the compressed data")
        return False

    def _header(self) -> None:
        method, flags = self._field(8)[:2]
        if method != 8 or flags & RESERVED:
            raise self._fault("gzip_corrupt", "the member's header is none that gzip writes")
        if flags & FEXTRA:
            extra = self._field(struct.unpack("<H", self._field(2))[0])
            self.bgzf = self.bgzf or (self.members == 1 and extra[:4] == b"BC\x02\x00")
        for flag in (FNAME, FCOMMENT):
            while flags & flag and self._field(1) != b"\0":
                pass
        if flags & FHCRC:
            self._field(2)

    def _field(self, size: int) -> bytes:
        field = self._need(size)
        if len(field) < size:
            raise self._fault("gzip_truncated", "the file ends in the header of a member")
        return field

    def _end_member(self) -> None:
        trailer = self._need(8)
        if len(trailer) < 8:
            raise self._fault("gzip_trailer_cut", "the file ends before the member's checksum and length")
        crc, size = struct.unpack("<II", trailer)
        if crc != self._crc:
            raise self._fault("gzip_bad_crc", "the data do not have the checksum that stands beside them")
        if size != self._size & 0xFFFFFFFF:
            raise self._fault("gzip_bad_length", "the data do not have the length that stands beside them")
        self._inflater = None
        self._ends_in_empty = self._size == 0

    def check_end(self) -> None:
        """Once all is read: raises InvalidFileError if a BGZF file lacks its end-of-file block."""
        if self.bgzf and not self._ends_in_empty:
            raise self._fault("bgzf_no_eof", "the BGZF end-of-file block is missing, so blocks may be, too")

    def _fault(self, code: str, message: str) -> InvalidFileError:
        where = f" (gzip member {self.members}, which starts at byte {self._start} of the compressed file)"
        return InvalidFileError(fault(code, message + where, byte=self.offset))

    def _need(self, size: int) -> bytes:
        """`size` bytes, or as many as there are."""
        parts = b""
        while len(parts) < size and (part := self._take(size - len(parts))):
            parts += part
        return parts

    def _take(self, most: int) -> bytes:
        if self._at >= len(self._held):
            self._before += len(self._held)
            self._held, self._at = self._raw.read(INPUT), 0
        part = self._held[self._at : self._at + most]
        self._at += len(part)
        return part

    def _give_back(self, size: int) -> None:
        self._at -= size  # what an inflater left is always the end of the last bite, which lies in _held
