"""The lines of a block with their ends and locations, and with access to later lines, for the line parser."""

from __future__ import annotations


class NeedMoreDataError(Exception):
    """The result depends on lines that have not been read yet."""


class Lines:
    """The lines of `text`, which begins at line `line` (from 1) and byte `byte` (from 0) of the decompressed stream.

    `final` is True if the file ends with this text. A last line without a line end is a line only in a final text.
    """

    def __init__(self, text: bytes, line: int, byte: int, final: bool) -> None:
        raw = text.split(b"\n")
        last = raw[-1]
        self.unended = bool(last)  # whether the text ends without a line end
        if not (final and last):
            raw.pop()
        self._raw = raw
        self._final = final
        self._line = line
        self._byte = byte
        self.offsets = [0]  # of each line in the text, and then of the end of the lines
        for raw_line in raw:
            self.offsets.append(self.offsets[-1] + len(raw_line) + 1)

    def __len__(self) -> int:
        return len(self._raw)

    def text(self, index: int) -> bytes:
        """Return a line without its LF or CR LF."""
        raw = self._raw[index]
        return raw[:-1] if raw.endswith(b"\r") else raw

    def crlf(self, index: int) -> bool | None:
        """Return True if a line ends in CR LF, False if it ends in LF, None if it has no line end."""
        if self.unended and self._final and index == len(self._raw) - 1:
            return None
        return self._raw[index].endswith(b"\r")

    def peek(self, index: int) -> bytes | None:
        """Return a line, or None after the last line of the file.

        Raise NeedMoreDataError after the last line of the text if more text may follow.
        """
        if index < len(self._raw):
            return self.text(index)
        if self._final:
            return None
        raise NeedMoreDataError

    def number(self, index: int) -> int:
        """Return the number of a line in the file, from 1."""
        return self._line + index

    def byte(self, index: int) -> int:
        """Return the offset of a line in the decompressed stream, from 0."""
        return self._byte + self.offsets[index]
