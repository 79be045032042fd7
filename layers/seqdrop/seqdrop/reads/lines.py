"""Lines of a decompressed stream, with what an error needs to point at one."""

from __future__ import annotations

from typing import BinaryIO


class Lines:
    """An iterator over lines without their ends (LF or CRLF), with one line of look-ahead.

    `number` (from 1) and `offset` (0-based byte of its first character) describe the line last returned;
    before the first, number is 0.
    """

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._ahead: bytes | None = None
        self._next_offset = 0
        self.number = 0
        self.offset = 0

    def peek(self) -> bytes | None:
        """The next line as it is, its end included; None at the end of the stream."""
        if self._ahead is None:
            self._ahead = self._stream.readline()
        return self._ahead or None

    def next(self) -> bytes | None:
        """The next line without its end; None at the end of the stream."""
        line = self.peek()
        self._ahead = None
        if line is None:
            return None
        self.number += 1
        self.offset, self._next_offset = self._next_offset, self._next_offset + len(line)
        if line.endswith(b"\n"):
            line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        return line
