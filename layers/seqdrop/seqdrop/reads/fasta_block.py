"""Check one block of FASTA: all lines together, and then only the lines with a fault one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.characters import TITLE_SEPARATOR, clean_name
from seqdrop.reads.fasta_alphabets import HEADER_TEXT
from seqdrop.reads.fasta_records import LineState
from seqdrop.reads.fastq import hash_short_names, shorten_name
from seqdrop.reads.fastq_rows import CR, LF

if TYPE_CHECKING:
    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array
    from seqdrop.reads.duplicates import NameLocation
    from seqdrop.reads.fasta_records import FastaRecords

HEAD = ord(">")


class Block:
    """A block of `file`. The first line may continue the last block, and the last line may continue in the next block.

    Arrays have an element for each line. `_starts` is the index of its first character, `_stops` of its line feed, and
    `_ends` of its CR LF or line feed. `_ended` is True if its line feed is in this block, `_returns` if it ends in
    CR LF, and `_heads` if it is a header.
    """

    def __init__(self, file: FastaRecords, data: UInt8Array) -> None:
        self._file = file
        self._data = data
        feeds = np.flatnonzero(data == LF)
        self._starts: Int64Array = np.concatenate([[0], feeds + 1])
        self._stops: Int64Array = np.concatenate([feeds, [len(data)]])
        self._ended = np.ones(len(self._starts), bool)
        self._ended[-1] = False
        if self._starts[-1] == len(data) and len(self._starts) > 1:
            self._starts, self._stops, self._ended = self._starts[:-1], self._stops[:-1], self._ended[:-1]
        self._returns = (data[self._stops - 1] == CR) & self._ended & (self._stops > self._starts)
        self._ends = self._stops - self._returns
        self._heads = data[np.minimum(self._starts, len(data) - 1)] == HEAD
        if file.state.is_open:
            self._heads[0] = False
        self._last_is_reported = False

    def check(self) -> None:
        """Check the lines, count their bases, and add their records to the file."""
        file = self._file
        bases = self._sequence_bytes()
        counts = self._count_bytes(bases)
        self._walk(bases, self._find_suspects(bases, counts), self._find_mixed_ends())
        file.alphabet.count(file.tally, counts)
        state = self._next_state()
        file.line += int(np.count_nonzero(self._ended))
        file.byte += len(self._data)
        file.state = state

    def _next_state(self) -> LineState:
        """Return the state of the last line of this block, which the next block may continue."""
        state = self._file.state
        is_open = bool(not self._ended[-1] and not self._heads[-1])
        continues = state.is_open and len(self._starts) == 1 and is_open
        byte = state.byte if self._ended[-1] else self._locate(len(self._starts) - 1)[1]
        return LineState(is_open, byte, (state.is_reported and continues) or self._last_is_reported)

    def _sequence_bytes(self) -> UInt8Array:
        """Return a copy of the block in which headers and line ends are zeros."""
        bases = self._data.copy()
        bases[self._stops[self._ended]] = 0
        bases[self._ends[self._returns]] = 0
        for index in np.flatnonzero(self._heads).tolist():
            bases[self._starts[index] : self._stops[index]] = 0
        return bases

    def _count_bytes(self, bases: UInt8Array) -> Int64Array:
        """Return the number of each byte in sequences, (256,), with 0 for the byte zero."""
        counts = np.zeros(256, np.int64)
        for base in b"ACGTN":
            counts[base] = np.count_nonzero(bases == base)
        if counts.sum() == np.count_nonzero(bases) and not self._has_nul:
            return counts
        counts = np.bincount(bases, minlength=256)
        counts[0] = 0
        return counts

    @property
    def _has_nul(self) -> bool:
        return bool((self._data == 0).any())

    @property
    def _allowed(self) -> BoolArray:
        """A table of the bytes that are allowed in sequences."""
        alphabet = self._file.alphabet
        return alphabet.plain if self._file.codes_are_faults else alphabet.legal

    def _find_suspects(self, bases: UInt8Array, counts: Int64Array) -> set[int]:
        """Return the indexes of the lines with a byte that is not allowed."""
        legal, plain = self._file.alphabet.legal, self._file.alphabet.plain
        has_code = self._file.codes_are_faults and counts[legal & ~plain].any()
        is_bad = counts[~legal].any() or has_code or self._has_nul
        other_bytes = self._data[bases == 0]
        line_ends = np.count_nonzero(self._ended) + np.count_nonzero(self._returns)
        is_odd = np.count_nonzero(~HEADER_TEXT[other_bytes]) != line_ends
        return self._find_wrong_lines() if is_bad or is_odd else set()

    def _find_wrong_lines(self) -> set[int]:
        wrong = ~self._allowed[self._data]
        wrong[self._stops[self._ended]] = False
        wrong[self._ends[self._returns]] = False
        for index in np.flatnonzero(self._heads).tolist():
            span = slice(self._starts[index], self._ends[index])
            wrong[span] = ~HEADER_TEXT[self._data[span]]
        places = np.flatnonzero(wrong)
        lines: list[int] = np.unique(np.searchsorted(self._starts, places, "right") - 1).tolist()
        return set(lines)

    def _find_mixed_ends(self) -> set[int]:
        """Return the indexes of lines whose ends differ from that of the first line of the file."""
        file, ended = self._file, np.flatnonzero(self._ended)
        if not len(ended):
            return set()
        if file.crlf is None:
            file.crlf = bool(self._returns[ended[0]])
        mixed: list[int] = ended[self._returns[ended] != file.crlf].tolist()
        return set(mixed)

    def _find_blank_lines(self) -> set[int]:
        blank: list[int] = np.flatnonzero((self._ends == self._starts) & self._ended).tolist()
        if self._file.state.is_open and blank and blank[0] == 0:
            blank = blank[1:]  # the line is the end of one that began in an earlier block
        return set(blank)

    def _blank_out(self, bases: UInt8Array, suspects: set[int]) -> set[int]:
        """Return the indexes of lines of spaces and tabs, which count as blank, and remove them from `bases`."""
        blank = set()
        for index in suspects:
            continues = index == 0 and self._file.state.is_open
            line = slice(self._starts[index], self._ends[index])
            if self._ended[index] and not continues and not self._data[line].tobytes().strip(b" \t"):
                blank.add(index)
                bases[line] = 0
        return blank

    def _walk(self, bases: UInt8Array, suspects: set[int], mixed: set[int]) -> None:
        """Visit headers and lines with a fault in file order, and add the lines between them to their records."""
        file = self._file
        blanks = self._find_blank_lines() | self._blank_out(bases, suspects)
        suspects = suspects - blanks
        lengths = np.where(self._heads, 0, self._ends - self._starts)
        lengths[list(blanks)] = 0
        sums: Int64Array = np.concatenate([[0], np.cumsum(lengths)])
        text = bases[bases != 0].tobytes() if file.keep else b""
        heads: list[int] = np.flatnonzero(self._heads).tolist()
        names = []
        at = 0
        if file.number == 0 and sums[heads[0] if heads else -1]:
            self._report_missing_header()
        for index in sorted({*heads, *suspects, *mixed, *blanks}):
            file.extend(int(sums[index] - sums[at]), text[sums[at] : sums[index]])
            at = index
            if self._heads[index]:
                names.append(self._begin_record(index))
            where = self._locate(index)
            if index in blanks:
                file.blank_lines.add(*where)
            if index in mixed:
                file.report("mixed_line_ends", "this line ends differently from the first line of the file", *where)
            if index in suspects:
                self._report_suspect(index)
        file.extend(int(sums[-1] - sums[at]), text[sums[at] : sums[-1]])
        self._check_names(names)

    def _report_missing_header(self) -> None:
        """Report that there is sequence before the first header, but only once for the file."""
        file = self._file
        if not file.findings.counts["data_before_header"]:
            file.report("data_before_header", "there is sequence before the first header", file.line, file.byte)

    def _begin_record(self, index: int) -> NameLocation:
        text = self._data[self._starts[index] + 1 : self._ends[index]].tobytes()
        return self._file.begin(clean_name(text.partition(TITLE_SEPARATOR)[0]).decode("ascii"), *self._locate(index))

    def _locate(self, index: int) -> tuple[int, int]:
        """Return (line from 1, byte from 0) of a line."""
        continues = index == 0 and self._file.state.is_open
        byte = self._file.state.byte if continues else self._file.byte + int(self._starts[index])
        return self._file.line + index, byte

    def _report_suspect(self, index: int) -> None:
        """Report a line with a byte that is not allowed. A final stop is only noted, because it may end the record."""
        state = self._file.state
        if index == 0 and state.is_open and state.is_reported:
            return
        text = self._data[self._starts[index] : self._ends[index]]
        where = self._locate(index)
        if not self._heads[index] and self._file.alphabet.ends_in_stop(text):
            self._file.note_stop(len(text), *where)
            return
        code, message = self._describe_suspect(index, text)
        self._file.report(code, message, *where)
        self._last_is_reported = index == len(self._starts) - 1

    def _describe_suspect(self, index: int, text: UInt8Array) -> tuple[str, str]:
        """Return (code, message) for the first illegal byte of a line or, without one, its first IUPAC code."""
        alphabet, is_header = self._file.alphabet, bool(self._heads[index])
        wrong = np.flatnonzero(~(HEADER_TEXT if is_header else self._allowed)[text])
        illegal = wrong[~(HEADER_TEXT if is_header else alphabet.legal)[text[wrong]]]
        first = int((illegal if len(illegal) else wrong)[0])
        column = self._file.byte + int(self._starts[index]) - self._locate(index)[1] + first + 1
        message = f"column {column} contains byte 0x{text[first]:02x}"
        return alphabet.code_of(text, int(text[first]), is_header, len(illegal) > 0), message

    def _check_names(self, records: list[NameLocation]) -> None:
        named = [record for record in records if record.name]
        if named:
            names = hash_short_names([shorten_name(record.name.encode()) for record in named])
            self._file.name_checks.add(names, named.__getitem__)
