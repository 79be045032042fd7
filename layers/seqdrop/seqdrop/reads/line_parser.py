"""FASTQ line by line: the path for blocks with a fault or of unusual layout. Slow, and finds every fault's place.

Format: Cock et al. 2010, Nucleic Acids Res. 38:1767: sequence and quality may be wrapped; then quality is read
until it is as long as the sequence, because a quality line may begin with @.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.layout import Layout
from seqdrop.reads.letters import QUALITIES, clean_name, odd_bytes
from seqdrop.reads.lines import Lines, NeedMoreDataError
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES


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
        self._lines, self._layout, self._found = lines, Layout(lines, self.wrapped), Found()
        at = 0
        with suppress(NeedMoreDataError):
            while lines.peek(at) is not None:
                at = self._record(at)
        self._found.used, self._found.lines = lines.offsets[at], at
        return self._found

    def _record(self, at: int) -> int:
        """Parse the record that should start at this line; the index of the line after it."""
        header = self._lines.text(at)
        if not header:
            self._layout.look_ahead(at + 1)
            self._say("blank_line", "a blank line stands where a header should", at, self.number + 1)
            self._check_ends(at, at + 1)
            return at + 1
        if not header.startswith(b"@"):
            return self._misplaced(at)
        before = self._findings.errors_so_far
        parts, plus = self._layout.sequence(at)
        if plus is None:  # the fault is in `parts`: (code, message, line, next)
            return self._broken(at, *parts)
        length = sum(map(len, parts))
        after = self._layout.quality(plus, length, header, at, parts)
        if isinstance(after, tuple):
            return self._broken(at, *after)
        self._begin(at)
        self._check(at, plus, after, length)
        self._keep(at, plus, after, before)
        return after

    def _misplaced(self, at: int) -> int:
        """A line that is no header stands where one should; it may be a header that lost its @."""
        lines = self._lines
        then = lines.peek(at + 2)
        is_record = then is not None and then.startswith(b"+") and self._layout.ends(at + 4)
        after = at + 4 if is_record else self._layout.resync_point(at + 1)
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
            self.wrapped = self._layout.wrapped = True
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
            code, message = odd_bytes(self._lines.text(index), index in (at, plus))
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
