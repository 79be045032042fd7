"""Lines of a block for the exact path: with their ends, their places and a look ahead."""

from __future__ import annotations


class NeedMoreDataError(Exception):
    """The answer lies in lines that are not read yet."""


class Lines:
    """The lines of `text`, which begins at line `line` (from 1) and byte `byte` of the plain stream.

    A last line without a line end counts only if the text is `final`. `lines` have neither LF nor CR LF.
    """

    def __init__(self, text: bytes, line: int, byte: int, final: bool):
        raw = text.split(b"\n")
        self.unended = bool(raw.pop()) if not final or not raw[-1] else True
        if final and self.unended:
            raw = text.split(b"\n")
        self._raw, self._final = raw, final
        self._line, self._byte = line, byte
        self.offsets = [0]
        for one in raw:
            self.offsets.append(self.offsets[-1] + len(one) + 1)

    def __len__(self) -> int:
        return len(self._raw)

    def text(self, index: int) -> bytes:
        """The line without its end."""
        raw = self._raw[index]
        return raw[:-1] if raw.endswith(b"\r") else raw

    def crlf(self, index: int) -> bool | None:
        """Whether the line ends in CR LF; None if it is the last and has no end."""
        if self.unended and self._final and index == len(self._raw) - 1:
            return None
        return self._raw[index].endswith(b"\r")

    def peek(self, index: int) -> bytes | None:
        """The line at `index`, or None after the last of the file.

        Raises NeedMoreDataError after the last of the text.
        """
        if index < len(self._raw):
            return self.text(index)
        if self._final:
            return None
        raise NeedMoreDataError

    def number(self, index: int) -> int:
        return self._line + index

    def byte(self, index: int) -> int:
        return self._byte + self.offsets[index]
