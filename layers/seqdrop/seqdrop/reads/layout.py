"""Decide which lines form a FASTQ record, although any of them may be missing, damaged or wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from seqdrop.reads.records import NUCLEOTIDES

if TYPE_CHECKING:
    from seqdrop.reads.lines import Lines

WRAPPED = 3  # lines of wrapped sequence that are read ahead to distinguish a header from quality
NO_PLUS = "there is another line in the place of the + line"


class LayoutFault(NamedTuple):
    """The fault of a record whose lines do not fit together.

    `line` is the index of the faulty line, and `after` that of the line at which the next record may start.
    """

    code: str
    message: str
    line: int
    after: int


class SequenceLines(NamedTuple):
    """The sequence of a record: the index of the + line after it, and its length in characters."""

    plus: int
    length: int


class Layout:
    """The layout of records in `lines`. `wrapped` is True if an earlier record had more than four lines.

    In all methods `at` is the index of the header of a record. They raise NeedMoreDataError if the result depends on
    lines that have not been read yet.
    """

    def __init__(self, lines: Lines, wrapped: bool) -> None:
        self._lines = lines
        self.wrapped = wrapped

    def sequence(self, at: int) -> SequenceLines | LayoutFault:
        """Return the sequence of a record, or the fault if no + line follows it."""
        lines, index, length = self._lines, at + 1, 0
        if self._is_plus_damaged(at):
            return LayoutFault("missing_plus", NO_PLUS, at + 2, at + 4)
        while True:
            line = lines.peek(index)
            if line is None or line.startswith(b"@"):
                return self._without_plus(at, index, line is None)
            if line.startswith(b"+"):
                return SequenceLines(index, length)
            is_quality = index > at + 1 and len(line) == length > 0 and line.translate(None, NUCLEOTIDES)
            if is_quality and self.ends(index + 1):
                return LayoutFault("missing_plus", NO_PLUS, index, index + 1)
            length += len(line)
            index += 1

    def _is_plus_damaged(self, at: int) -> bool:
        """Return True if a record has four lines, and only the third is wrong."""
        sequence = self._lines.peek(at + 1)
        if self.wrapped or not sequence or sequence[:1] in b"@+":
            return False
        plus = self._lines.peek(at + 2)
        if plus is None or plus[:1] in b"@+" or not plus.translate(None, NUCLEOTIDES):
            return False
        quality = self._lines.peek(at + 3)
        return quality is not None and len(quality) == len(sequence) and self.ends(at + 4)

    def _without_plus(self, at: int, index: int, at_end: bool) -> LayoutFault:
        """Return the fault of a sequence without a + line. At `index` is the next header or the end of the file."""
        lines = self._lines
        quality = index - 1  # index of the quality, if only the + line is missing or damaged
        is_equal = quality in (at + 2, at + 3) and len(lines.text(at + 1)) == len(lines.text(quality)) > 0
        if is_equal and (quality == at + 2 or not self.wrapped):
            return LayoutFault("missing_plus", NO_PLUS, at + 2, index)
        if at_end:
            return LayoutFault("truncated", "the file ends inside a record", index - 1, index)
        after = index if self._is_header(index) else index + 1
        return LayoutFault("missing_plus", NO_PLUS, index, self.resync_point(after))

    def quality(self, at: int, sequence: SequenceLines, header: bytes) -> int | LayoutFault:
        """Return the index of the line after the quality, or the fault if the quality does not fit the sequence."""
        fault = self._check_plus(at, sequence, header)
        if fault:
            return fault
        if sequence.length == 0:
            return self._after_empty(sequence.plus + 1)
        return self._after_quality(at, sequence)

    def _check_plus(self, at: int, sequence: SequenceLines, header: bytes) -> LayoutFault | None:
        """Return a fault if a line that starts with + differs from the header and is probably not a + line."""
        plus = sequence.plus
        name = self._lines.text(plus)[1:]
        if not name or name == header[1:]:
            return None
        is_as_long = len(name) + 1 == sequence.length  # the line may be the quality
        missing = LayoutFault("missing_plus", NO_PLUS, plus, plus + 1)
        if self._lines.peek(plus + 1) is None:
            if is_as_long and plus == at + 2:
                return missing
            return LayoutFault("truncated", "the file ends in a + line", plus, plus + 1)
        return missing if is_as_long and self._is_header(plus + 1) else None

    def _after_quality(self, at: int, sequence: SequenceLines) -> int | LayoutFault:
        lines, length = self._lines, sequence.length
        is_four_lines = sequence.plus == at + 2 and not self.wrapped
        index, have = sequence.plus + 1, 0
        while have < length:
            line = lines.peek(index)
            last = index - 1 if have else index  # the line at which a fault is reported
            if line is None:
                where = "inside the quality" if have else "after the + line"
                return LayoutFault("truncated", f"the file ends {where}", index - 1, index)
            if not line and lines.peek(index + 1) is None:
                where = "inside the quality" if have else "before the quality"
                return LayoutFault("truncated", f"the file ends {where}", last, index + 1)
            if not line and self._is_header(index + 1):
                return _unequal(length, have, last, last + 1)
            left = length - have
            if self._is_next(index, line, left, length) and (not have or len(line) > left or is_four_lines):
                return _unequal(length, have, last, index)
            have += len(line)
            index += 1
        if have > length:
            return _unequal(length, have, index - 1, self.resync_point(index))
        return index

    def _after_empty(self, index: int) -> int | LayoutFault:
        """Return the index after the quality of a read without bases, which is an empty line or missing."""
        line = self._lines.peek(index)
        if line is None or self._is_header(index):
            return index
        if not line:
            return index + 1
        return _unequal(0, len(line), index, self.resync_point(index + 1))

    def _is_header(self, index: int) -> bool:
        """Return True if a line starts with @ and a sequence and a + line seem to follow.

        A line of quality may also start with @.
        """
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
            return _is_plausible(line, after, then)
        for ahead in range(1, WRAPPED + 1):
            line = lines.peek(index + ahead)
            if line is None or line.startswith(b"+"):
                return True
            if line.translate(None, NUCLEOTIDES):
                return False
        return True

    def _is_next(self, index: int, line: bytes, left: int, length: int) -> bool:
        """Return True if a line in the place of quality is the next header.

        `left` of `length` characters of quality are still missing. In doubt, a line that is not too long is quality.
        """
        if not line.startswith(b"@"):
            return False
        if len(line) > left and left < length:
            return True
        after, then = self._lines.peek(index + 1), self._lines.peek(index + 2)
        if after is None or not self._is_header(index):
            return False
        return len(line) > left or (then is not None and then.startswith(b"+"))

    def ends(self, index: int) -> bool:
        """Return True if a record may end before this index: there is a header, or the end of the file."""
        return self._lines.peek(index) is None or self._is_header(index)

    def look_ahead(self, index: int) -> None:
        """Raise NeedMoreDataError unless this line or the end of the file has been read."""
        self._lines.peek(index)

    def resync_point(self, index: int) -> int:
        """Return the index of the first header from `index` on, or the index after the last line of the file."""
        while self._lines.peek(index) is not None and not self._is_header(index):
            index += 1
        return index


def _unequal(length: int, have: int, line: int, after: int) -> LayoutFault:
    message = f"the sequence has {length} bases but the quality has {have} characters"
    return LayoutFault("length_mismatch", message, line, after)


def _is_plausible(header: bytes, sequence: bytes, plus: bytes) -> bool:
    """Return True if these are a header, a sequence and a + line, and not three lines of a wrapped quality."""
    bases = len(sequence) - len(sequence.translate(None, NUCLEOTIDES))
    agrees = len(plus) == 1 or plus[1:] == header[1:]
    return 10 * bases >= (5 if agrees else 9) * len(sequence)
