"""Parse FASTQ line by line, for blocks with a fault or an unusual layout. This is slow, but locates every fault.

Format: Cock et al. 2010, Nucleic Acids Res. 38:1767. Sequence and quality may be wrapped. Quality is read until it is
as long as the sequence, because a line of quality may also begin with @.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.reads.characters import QUALITIES, clean_name, find_odd_byte
from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.layout import Layout, LayoutFault
from seqdrop.reads.lines import Lines, NeedMoreDataError
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES

if TYPE_CHECKING:
    from seqdrop.reads.layout import SequenceLines

ENDS = ("LF", "CR LF")


@dataclass
class ParsedText:
    """The records of one text.

    `names`, `comments` and `places` have an element for each record; `sound`, `numbers` and `sound_names` have one for
    each valid record.
    """

    used: int = 0  # bytes of the text that were parsed
    lines: int = 0  # lines that were parsed
    names: list[bytes] = field(default_factory=list)  # printable; empty if there is no name
    comments: list[bytes] = field(default_factory=list)  # the first four characters after each name
    places: list[tuple[int, int]] = field(default_factory=list)  # (line from 1, byte from 0)
    sound: list[bytes] = field(default_factory=list)  # valid records, each as four lines
    numbers: list[int] = field(default_factory=list)  # in the file, from 1
    sound_names: list[bytes] = field(default_factory=list)


class LineParser:
    """A parser of consecutive texts of one file.

    `number` is the number of records so far. `crlf` is True if the first line of the file ends in CR LF, None if it was
    not read yet. `wrapped` is True if any record so far has more than four lines.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.number = 0
        self.crlf: bool | None = None
        self.wrapped = False
        self._lines = Lines(b"", 1, 0, final=True)
        self._layout = Layout(self._lines, self.wrapped)
        self._parsed = ParsedText()

    def parse(self, lines: Lines) -> ParsedText:
        """Parse all records that are complete in `lines`."""
        self._lines = lines
        self._layout = Layout(lines, self.wrapped)
        self._parsed = ParsedText()
        at = 0
        with suppress(NeedMoreDataError):
            while lines.peek(at) is not None:
                at = self._parse_record(at)
        self._parsed.used = lines.offsets[at]
        self._parsed.lines = at
        return self._parsed

    def _parse_record(self, at: int) -> int:
        """Parse the record that should start at line `at`; return the index of the line after it."""
        header = self._lines.text(at)
        if not header:
            self._layout.look_ahead(at + 1)
            self._report("blank_line", "there is a blank line in the place of a header", at, self.number + 1)
            self._check_line_ends(at, at + 1)
            return at + 1
        if not header.startswith(b"@"):
            return self._skip_misplaced(at)
        errors_before = self._findings.errors_so_far
        sequence = self._layout.sequence(at)
        if isinstance(sequence, LayoutFault):
            return self._skip_broken(at, sequence)
        after = self._layout.quality(at, sequence, header)
        if isinstance(after, LayoutFault):
            return self._skip_broken(at, after)
        self._begin(at)
        self._check(at, sequence, after)
        if self._findings.errors_so_far == errors_before:
            self._keep(at, sequence.plus, after)
        return after

    def _skip_misplaced(self, at: int) -> int:
        """Report a line that is not a header in the place of a header. It may be a header that lost its @."""
        then = self._lines.peek(at + 2)
        is_record = then is not None and then.startswith(b"+") and self._layout.ends(at + 4)
        after = at + 4 if is_record else self._layout.resync_point(at + 1)
        message = "the line is in the place of a header, but does not start with @"
        return self._skip_broken(at, LayoutFault("bad_header", message, at, min(after, len(self._lines))), named=False)

    # -- reporting

    def _begin(self, at: int, named: bool = True) -> None:
        """Begin the record at line `at`. If not `named`, that line is not a header, and the record has no name."""
        self.number += 1
        header = self._lines.text(at)[1:]
        name = clean_name(header) if named else b""
        self._parsed.names.append(name)
        self._parsed.comments.append(header[len(name) :][:4] if named else b"")
        self._parsed.places.append((self._lines.number(at), self._lines.byte(at)))

    def _skip_broken(self, at: int, broken: LayoutFault, named: bool = True) -> int:
        """Report a record whose lines do not fit together; return the index of the line after it."""
        self._begin(at, named)
        self._check_characters_of_lines(at, max(broken.line + 1, min(broken.after, at + 4)), at + 2)
        self._report(broken.code, broken.message, broken.line)
        return broken.after

    def _report(self, code: str, message: str, index: int, record: int | None = None) -> None:
        """Report a fault of the current record at line `index`, or of record number `record`, which has no name yet."""
        name = None if record else self._name
        line, byte = self._lines.number(index), self._lines.byte(index)
        self._findings.add(fault(code, message, name=name, record=record or self.number, line=line, byte=byte))

    @property
    def _name(self) -> str | None:
        return self._parsed.names[-1].decode("ascii") or None if self._parsed.names else None

    def _check(self, at: int, sequence: SequenceLines, after: int) -> None:
        """Check everything about a record whose lines fit together; it ends before line `after`."""
        plus, length = sequence
        header, separator = self._lines.text(at), self._lines.text(plus)
        damaged = self._check_characters_of_lines(at, after, plus)
        if at not in damaged and (len(header) < 2 or header[1:2].isspace()):
            self._report("empty_name", "the header has no name", at)
        if plus not in damaged and at not in damaged and len(separator) > 1 and separator[1:] != header[1:]:
            self._report("plus_name_differs", "the name after + differs from that of the header", plus)
        if length == 0:
            self._report("empty_sequence", "the read has no bases", at)
        for index in range(at + 1, after):
            if index == plus or index in damaged:
                continue
            if not self._lines.text(index) and length:
                self._report("blank_line", "there is a blank line inside a record", index)
            self._check_characters(index, index < plus)
        if plus > at + 2 or after > plus + 2:
            self._report_wrapped(at, after)

    def _report_wrapped(self, at: int, after: int) -> None:
        """Report the first record of the file that has more than four lines, unless some of them are blank."""
        has_text = all(self._lines.text(index) for index in range(at + 1, after))
        if not self.wrapped and has_text:
            self.wrapped = True
            self._layout.wrapped = True
            self._report("multiline_fastq", "sequence or quality spans several lines", at)

    def _check_characters(self, index: int, is_sequence: bool) -> None:
        """Check the characters of a line of sequence or quality."""
        text = self._lines.text(index)
        wrong = text.translate(None, NUCLEOTIDES if is_sequence else QUALITIES)
        if wrong:
            where = f"column {text.index(wrong[:1]) + 1} contains byte 0x{wrong[0]:02x}"
            if is_sequence:
                self._report("illegal_base", f"{where}, which is not an IUPAC nucleotide code", index)
            else:
                self._report("illegal_quality", f"{where}, which is not between ! and ~", index)
        elif is_sequence and (codes := text.translate(None, NUCLEOTIDES_BUT_CODES)):
            message = f"column {text.index(codes[:1]) + 1} contains an IUPAC ambiguity code"
            self._report("ambiguous_base", message, index)

    def _check_characters_of_lines(self, at: int, after: int, plus: int) -> set[int]:
        """Report characters that no line may contain. Return the indexes of the lines with such characters."""
        damaged = set()
        for index in range(at, min(after, len(self._lines))):
            code, message = find_odd_byte(self._lines.text(index), index in (at, plus))
            if code:
                damaged.add(index)
                self._report(code, message, index)
        self._check_line_ends(at, after)
        return damaged

    def _check_line_ends(self, at: int, after: int) -> None:
        for index in range(at, min(after, len(self._lines))):
            crlf = self._lines.crlf(index)
            if crlf is None:
                continue
            if self.crlf is None:
                self.crlf = crlf
            if crlf != self.crlf:
                message = f"this line ends in {ENDS[crlf]}, but the first line of the file in {ENDS[self.crlf]}"
                self._report("mixed_line_ends", message, index, None if self._parsed.names else self.number + 1)

    def _keep(self, at: int, plus: int, after: int) -> None:
        """Keep a record without errors, as four lines."""
        text = self._lines.text
        sequence = b"".join(text(index) for index in range(at + 1, plus))
        quality = b"".join(text(index) for index in range(plus + 1, after))
        self._parsed.sound.append(b"%b\n%b\n+\n%b\n" % (text(at), sequence, quality))
        self._parsed.numbers.append(self.number)
        self._parsed.sound_names.append(self._parsed.names[-1])
