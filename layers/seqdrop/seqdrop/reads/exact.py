"""FASTQ line by line: the path for blocks with a fault or of unusual layout. Slow, and finds every fault's place.

Format: Cock et al. 2010, Nucleic Acids Res. 38:1767: sequence and quality may be wrapped; then quality is read
until it is as long as the sequence, because a quality line may begin with @.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.lines import Lines, NeedMore
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES

QUALITIES = bytes(range(33, 127))
TEXT = b"\t" + bytes(range(32, 127))
WRAPPED = 3  # lines that are looked at to tell a header from quality


@dataclass
class Found:
    """Records of one text. `sound` are four normal lines each; names and places are of all records."""

    used: int = 0  # bytes
    lines: int = 0
    sound: list[bytes] = field(default_factory=list)
    names: list[bytes] = field(default_factory=list)  # printable; empty where there is none
    comments: list[bytes] = field(default_factory=list)  # the first characters of what follows each name
    places: list[tuple[int, int]] = field(default_factory=list)  # (line, byte)
    numbers: list[int] = field(default_factory=list)  # of the sound ones
    sound_names: list[bytes] = field(default_factory=list)


class Exact:
    """Parses texts that follow each other. `number` counts records, `crlf` is how the file's first line ends."""

    def __init__(self, findings: Findings):
        self._findings = findings
        self.number = 0
        self.crlf: bool | None = None
        self.wrapped = False  # whether any record spans more than four lines

    def parse(self, lines: Lines) -> Found:
        """Parse as many records as `lines` hold whole."""
        self._lines, self._found = lines, Found()
        at = 0
        with suppress(NeedMore):
            while lines.peek(at) is not None:
                at = self._record(at)
        self._found.used, self._found.lines = lines.offsets[at], at
        return self._found

    # -- one record

    def _record(self, at: int) -> int:
        """Parse the record that should start at this line; the index of the line after it."""
        header = self._lines.text(at)
        if not header:
            self._look_ahead(at + 1)
            self._say("blank_line", "a blank line stands where a header should", at, self.number + 1)
            self._check_ends(at, at + 1)
            return at + 1
        if not header.startswith(b"@"):
            return self._misplaced(at)
        before = self._findings.errors_so_far
        parts, plus = self._sequence(at)
        if plus is None:  # the fault is in `parts`: (code, message, line, next)
            return self._broken(at, *parts)
        length = sum(map(len, parts))
        after = self._quality(plus, length, header, at, parts)
        if isinstance(after, tuple):
            return self._broken(at, *after)
        self._begin(at)
        self._check(at, plus, after, length)
        self._keep(at, plus, after, before)
        return after

    def _sequence(self, at: int):
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
            if odd and self._ends(index + 1):
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
        return quality is not None and len(quality) == len(sequence) and self._ends(at + 4)

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
        return "missing_plus", message, index, self._resync_point(follows)

    def _quality(self, plus: int, length: int, header: bytes, at: int, parts: list[bytes]):
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
            return self._unequal(length, have, index - 1, self._resync_point(index))
        return index

    def _no_quality(self, index: int):
        """What follows the + line of a read without bases: an empty line, which may be left out."""
        line = self._lines.peek(index)
        if line is None or self._is_header(index):
            return index
        return index + 1 if not line else self._unequal(0, len(line), index, self._resync_point(index + 1))

    def _unequal(self, length: int, have: int, line: int, after: int):
        message = f"the sequence has {length} bases but the quality {have} characters"
        return "length_mismatch", message, line, after

    def _four_lines(self, at: int, plus: int) -> bool:
        return plus == at + 2 and not self.wrapped

    # -- finding the way

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

    def _ends(self, index: int) -> bool:
        """Whether a record may end before this line: a header, or the end of the file."""
        return self._lines.peek(index) is None or self._is_header(index)

    def _look_ahead(self, index: int) -> None:
        """Raises NeedMore unless this line or the end of the file is known."""
        self._lines.peek(index)

    def _resync_point(self, index: int) -> int:
        """The first line from here on that is a header, or the end of the file."""
        while self._lines.peek(index) is not None and not self._is_header(index):
            index += 1
        return index

    def _misplaced(self, at: int) -> int:
        """A line that is no header stands where one should; it may be a header that lost its @."""
        lines = self._lines
        then = lines.peek(at + 2)
        is_record = then is not None and then.startswith(b"+") and self._ends(at + 4)
        after = at + 4 if is_record else self._resync_point(at + 1)
        message = "a line that does not start with @ stands where a header should"
        return self._broken(at, "bad_header", message, at, min(after, len(lines)), named=False)

    # -- what is said of a record

    def _begin(self, at: int, named: bool = True) -> None:
        self.number += 1
        header = self._lines.text(at)[1:]
        self._found.names.append(clean_name(header) if named else b"")
        self._found.comments.append(header[len(self._found.names[-1]) :][:4] if named else b"")
        self._found.places.append((self._lines.number(at), self._lines.byte(at)))

    def _broken(self, at: int, code: str, message: str, line: int, after: int, named: bool = True) -> int:
        """A record whose lines do not fit together. Where it has no header, it has no `named` either."""
        self._begin(at, named)
        self._check_line_faults(at, max(line + 1, min(after, at + 4)), at + 2)
        self._say(code, message, line)
        return after

    def _say(self, code: str, message: str, index: int, record: int | None = None) -> None:
        lines = self._lines
        name = None if record else self._name
        place = {"record": record or self.number, "line": lines.number(index), "byte": lines.byte(index)}
        self._findings.add(fault(code, message, name=name, **place))

    @property
    def _name(self) -> str | None:
        return self._found.names[-1].decode("ascii") or None if self._found.names else None

    def _check(self, at: int, plus: int, after: int, length: int) -> None:
        """Everything about a record whose lines fit together."""
        lines, header, separator = self._lines, self._lines.text(at), self._lines.text(plus)
        damaged = self._check_line_faults(at, after, plus)
        if at not in damaged and (len(header) < 2 or header[1:2].isspace()):
            self._say("empty_name", "the header has no name", at)
        if plus not in damaged and at not in damaged and len(separator) > 1 and separator[1:] != header[1:]:
            self._say("plus_name_differs", "the name after + is not the header's", plus)
        if length == 0:
            self._say("empty_sequence", "the read has no bases", at)
        for index in range(at + 1, after):
            if index == plus or index in damaged:
                continue
            if not lines.text(index) and length:
                self._say("blank_line", "a blank line stands inside a record", index)
            self._check_letters(index, index < plus)
        if plus > at + 2 or after > plus + 2:
            self._say_wrapped(at, plus, after)

    def _say_wrapped(self, at: int, plus: int, after: int) -> None:
        filled = [bool(self._lines.text(i)) for i in range(at + 1, after)]
        if not self.wrapped and all(filled):
            self.wrapped = True
            self._say("multiline_fastq", "sequence or quality spans several lines", at)

    def _check_letters(self, index: int, sequence: bool) -> None:
        text = self._lines.text(index)
        wrong = text.translate(None, NUCLEOTIDES if sequence else QUALITIES)
        if wrong:
            column = text.index(wrong[:1]) + 1
            code, what = (
                ("illegal_base", "which is no IUPAC nucleotide code")
                if sequence
                else ("illegal_quality", "outside ! to ~")
            )
            self._say(code, f"column {column} holds byte 0x{wrong[0]:02x}, {what}", index)
        elif sequence and (codes := text.translate(None, NUCLEOTIDES_BUT_CODES)):
            self._say("ambiguous_base", f"column {text.index(codes[:1]) + 1} holds an IUPAC ambiguity code", index)

    def _check_line_faults(self, at: int, after: int, plus: int) -> set[int]:
        """What no line may hold, whichever it is; the lines that do."""
        damaged = set()
        for index in range(at, min(after, len(self._lines))):
            code, message = _odd_bytes(self._lines.text(index), index in (at, plus))
            if code:
                damaged.add(index)
                self._say(code, message, index)
        self._check_ends(at, after)
        return damaged

    def _check_ends(self, at: int, after: int) -> None:
        for index in range(at, min(after, len(self._lines))):
            crlf = self._lines.crlf(index)
            if crlf is None:
                continue
            if self.crlf is None:
                self.crlf = crlf
            if crlf != self.crlf:
                ends = ("LF", "CR LF")
                message = f"this line ends in {ends[crlf]}, the first line of the file in {ends[self.crlf]}"
                self._say("mixed_line_ends", message, index, None if self._found.names else self.number + 1)

    def _keep(self, at: int, plus: int, after: int, before: int) -> None:
        """Hand on a record without errors as four normal lines."""
        if self._findings.errors_so_far != before:
            return
        text = self._lines.text
        sequence = b"".join(text(i) for i in range(at + 1, plus))
        quality = b"".join(text(i) for i in range(plus + 1, after))
        self._found.sound.append(b"%b\n%b\n+\n%b\n" % (text(at), sequence, quality))
        self._found.numbers.append(self.number)
        self._found.sound_names.append(self._found.names[-1])


def _plausible(header: bytes, sequence: bytes, plus: bytes) -> bool:
    """Whether these are a header, a sequence and a + line, rather than three lines of a wrapped quality."""
    bases = len(sequence) - len(sequence.translate(None, NUCLEOTIDES))
    named = len(plus) == 1 or plus[1:] == header[1:]
    return 10 * bases >= (5 if named else 9) * len(sequence)


def clean_name(header: bytes) -> bytes:
    """The name of a header (without @) so that it may be shown: what is not printable ASCII becomes ?."""
    if not header or header[:1].isspace():
        return b""
    name = header.split(None, 1)[0]
    return bytes(byte if 32 < byte < 127 else ord("?") for byte in name) if name.translate(None, QUALITIES) else name


def _odd_bytes(text: bytes, is_text: bool) -> tuple[str | None, str]:
    """(code, message) of a NUL, a non-ASCII byte, a stray CR, or in a line of text another control character."""
    odd = text.translate(None, TEXT)
    if not odd:
        return None, ""
    where = f"column {text.index(odd[:1]) + 1} holds byte 0x{odd[0]:02x}"
    if odd[0] > 127:
        return "non_ascii", where
    if odd[0] == 0:
        return "nul_byte", where
    if odd[0] == 13:
        return "mixed_line_ends", where + ", a carriage return that ends no line"
    return ("control_character", where) if is_text else (None, "")
