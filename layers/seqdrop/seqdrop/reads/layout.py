"""Which lines make up a FASTQ record, where any of them may be missing, spoilt or wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads.records import NUCLEOTIDES

if TYPE_CHECKING:
    from seqdrop.reads.lines import Lines

WRAPPED = 3  # lines that are looked at to tell a header from quality


class Layout:
    """Finds its way through `lines`. `wrapped` tells whether records of this file were seen to span more than four.

    A fault is a tuple: code, message, index of the line it stands at, index of the line after the record. All raise
    NeedMoreDataError where the answer lies in lines that are not read yet.
    """

    def __init__(self, lines: Lines, wrapped: bool):
        self._lines, self.wrapped = lines, wrapped

    def sequence(self, at: int):
        """(lines of the sequence, index of the + line), or (fault, None)."""
        lines, index, length = self._lines, at + 1, 0
        if self._plus_is_spoilt(at):
            return ("missing_plus", "something else stands where + should", at + 2, at + 4), None
        while True:
            line = lines.peek(index)
            if line is None or line.startswith(b"@"):
                return self._no_plus(at, index, line is None), None
            if line.startswith(b"+"):
                return [lines.text(i) for i in range(at + 1, index)], index
            odd = index > at + 1 and len(line) == length and length and line.translate(None, NUCLEOTIDES)
            if odd and self.ends(index + 1):
                return ("missing_plus", "something else stands where + should", index, index + 1), None
            length += len(line)
            index += 1

    def _plus_is_spoilt(self, at: int) -> bool:
        """Whether all is as in a record of four lines, but for the third."""
        sequence = self._lines.peek(at + 1)
        if self.wrapped or not sequence or sequence[:1] in b"@+":
            return False
        plus = self._lines.peek(at + 2)
        if plus is None or plus[:1] in b"@+" or not plus.translate(None, NUCLEOTIDES):
            return False
        quality = self._lines.peek(at + 3)
        return quality is not None and len(quality) == len(sequence) and self.ends(at + 4)

    def _no_plus(self, at: int, index: int, end: bool):
        """The fault of a sequence that runs into the next header or the end of the file."""
        lines = self._lines
        quality = index - 1  # if the + line alone is missing or spoilt
        like_one = quality in (at + 2, at + 3) and len(lines.text(at + 1)) == len(lines.text(quality)) > 0
        if like_one and (quality == at + 2 or not self.wrapped):
            return "missing_plus", "something else stands where + should", at + 2, index
        if end:
            return "truncated", "the file ends inside a record", index - 1, index
        message = "something else stands where + should"
        follows = index if self._is_header(index) else index + 1
        return "missing_plus", message, index, self.resync_point(follows)

    def quality(self, plus: int, length: int, header: bytes, at: int, parts: list[bytes]):
        """The index after the quality, or a fault."""
        lines, name = self._lines, self._lines.text(plus)[1:]
        if name and name != header[1:]:
            if lines.peek(plus + 1) is None:
                if len(name) + 1 == length and plus == at + 2:
                    return "missing_plus", "something else stands where + should", plus, plus + 1
                return "truncated", "the file ends in a + line", plus, plus + 1
            if len(name) + 1 == length and self._is_header(plus + 1):
                return "missing_plus", "something else stands where + should", plus, plus + 1
        if length == 0:
            return self._no_quality(plus + 1)
        index, have, self._wanted = plus + 1, 0, length
        while have < length:
            line = lines.peek(index)
            if line is None:
                what = "the file ends after the + line" if not have else "the file ends inside the quality"
                return "truncated", what, index - 1, index
            if not line and lines.peek(index + 1) is None:
                what = "the file ends before the quality" if not have else "the file ends inside the quality"
                return "truncated", what, index if not have else index - 1, index + 1
            if not line and self._is_header(index + 1):
                return self._unequal(length, have, index if not have else index - 1, index if have else index + 1)
            if self._is_next(index, line, length - have) and (
                not have or len(line) > length - have or self._four_lines(at, plus)
            ):
                return self._unequal(length, have, index if not have else index - 1, index)
            have += len(line)
            index += 1
        if have > length:
            return self._unequal(length, have, index - 1, self.resync_point(index))
        return index

    def _no_quality(self, index: int):
        """What follows the + line of a read without bases: an empty line, which may be left out."""
        line = self._lines.peek(index)
        if line is None or self._is_header(index):
            return index
        return index + 1 if not line else self._unequal(0, len(line), index, self.resync_point(index + 1))

    def _unequal(self, length: int, have: int, line: int, after: int):
        message = f"the sequence has {length} bases but the quality {have} characters"
        return "length_mismatch", message, line, after

    def _four_lines(self, at: int, plus: int) -> bool:
        return plus == at + 2 and not self.wrapped

    def _is_header(self, index: int) -> bool:
        """Whether a line that starts with @ is a header rather than quality: a sequence and a + follow."""
        lines, line = self._lines, self._lines.peek(index)
        if line is None or not line.startswith(b"@"):
            return False
        after = lines.peek(index + 1)
        if after is None:
            return True
        if after.startswith(b"@"):
            return False
        then = lines.peek(index + 2)
        if then is None or after.startswith(b"+"):
            return True
        if then.startswith(b"+"):
            return _plausible(line, after, then)
        for ahead in range(1, WRAPPED + 1):
            line = lines.peek(index + ahead)
            if line is None or line.startswith(b"+"):
                return True
            if line.translate(None, NUCLEOTIDES):
                return False
        return True

    def _is_next(self, index: int, line: bytes, wanted: int) -> bool:
        """Whether a line where quality is wanted is the next header. In doubt, a line that is not too long is none."""
        if not line.startswith(b"@"):
            return False
        if len(line) > wanted and wanted < self._wanted:
            return True
        after, then = self._lines.peek(index + 1), self._lines.peek(index + 2)
        if after is None or not self._is_header(index):
            return False
        return len(line) > wanted or (then is not None and then.startswith(b"+"))

    def ends(self, index: int) -> bool:
        """Whether a record may end before this line: a header, or the end of the file."""
        return self._lines.peek(index) is None or self._is_header(index)

    def look_ahead(self, index: int) -> None:
        """Raises NeedMoreDataError unless this line or the end of the file is known."""
        self._lines.peek(index)

    def resync_point(self, index: int) -> int:
        """The first line from here on that is a header, or the end of the file."""
        while self._lines.peek(index) is not None and not self._is_header(index):
            index += 1
        return index


def _plausible(header: bytes, sequence: bytes, plus: bytes) -> bool:
    """Whether these are a header, a sequence and a + line, rather than three lines of a wrapped quality."""
    bases = len(sequence) - len(sequence.translate(None, NUCLEOTIDES))
    named = len(plus) == 1 or plus[1:] == header[1:]
    return 10 * bases >= (5 if named else 9) * len(sequence)
