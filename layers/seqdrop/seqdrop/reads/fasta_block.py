"""One block of FASTA: its lines, found and judged at once; only those with a fault are looked at one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.duplicates import Place
from seqdrop.reads.fasta_alphabets import TEXT
from seqdrop.reads.fastq import joined, shortened
from seqdrop.reads.fastq_rows import CR, LF
from seqdrop.reads.letters import clean_name
from seqdrop.reads.matrix import Scratch
from seqdrop.reads.names import hash_names

if TYPE_CHECKING:
    from seqdrop.reads.fasta_records import FastaRecords

HEAD = ord(">")


class Block:
    """One block: its lines, found and judged at once; only those with a fault are looked at one by one."""

    def __init__(self, file: FastaRecords, data: np.ndarray):
        self._file, self._data = file, data
        feeds = np.flatnonzero(data == LF)
        self._starts = np.concatenate([[0], feeds + 1])
        self._stops = np.concatenate([feeds, [len(data)]])
        self._ended = np.ones(len(self._starts), bool)
        self._ended[-1] = False  # by a line feed in this block
        if self._starts[-1] == len(data) and len(self._starts) > 1:
            self._starts, self._stops, self._ended = self._starts[:-1], self._stops[:-1], self._ended[:-1]
        returns = (data[self._stops - 1] == CR) & self._ended & (self._stops > self._starts)
        self._returns = returns
        self._ends = self._stops - returns
        self._heads = data[np.minimum(self._starts, len(data) - 1)] == HEAD
        if file.inside:
            self._heads[0] = False

    def check(self) -> None:
        file = self._file
        bases = self._bases()
        counts = self._counts(bases)
        self._check_bytes(bases, counts)
        self._check_ends()
        self._walk(bases)
        file.letters.count(file.tally, counts)
        if not self._ended[-1]:
            file.line_byte = self._where(len(self._starts) - 1)[1]
        file.line += int(np.count_nonzero(self._ended))
        file.byte += len(self._data)
        was_inside = file.inside and len(self._starts) == 1
        file.inside = not self._ended[-1] and not self._heads[-1]
        file.told = (file.told and was_inside and file.inside) or self._told_last

    def _bases(self) -> np.ndarray:
        """The block with headers and line ends set to zero."""
        bases = self._data.copy()
        bases[self._stops[self._ended]] = 0
        bases[self._ends[self._returns]] = 0
        for index in np.flatnonzero(self._heads).tolist():
            bases[self._starts[index] : self._stops[index]] = 0
        return bases

    def _counts(self, bases: np.ndarray) -> np.ndarray:
        """How often each byte stands in sequences."""
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

    def _check_bytes(self, bases: np.ndarray, counts: np.ndarray) -> None:
        file, self._told_last = self._file, False
        legal, plain = file.letters.legal, file.letters.plain
        bad = counts[~legal].any() or (file.codes_matter and counts[legal & ~plain].any()) or self._has_nul
        header_bytes = self._data[(bases == 0)]
        odd = np.count_nonzero(~TEXT[header_bytes]) - np.count_nonzero(self._ended) - np.count_nonzero(self._returns)
        self._suspects = self._find_suspects() if bad or odd else []

    @property
    def _allowed(self) -> np.ndarray:
        return self._file.letters.plain if self._file.codes_matter else self._file.letters.legal

    def _find_suspects(self) -> list[int]:
        """Indexes of lines with a byte that may not stand there."""
        wrong = ~self._allowed[self._data]
        wrong[self._stops[self._ended]] = False
        wrong[self._ends[self._returns]] = False
        for index in np.flatnonzero(self._heads).tolist():
            span = slice(self._starts[index], self._ends[index])
            wrong[span] = ~TEXT[self._data[span]]
        places = np.flatnonzero(wrong)
        return np.unique(np.searchsorted(self._starts, places, "right") - 1).tolist()

    def _check_ends(self) -> None:
        file, ended = self._file, np.flatnonzero(self._ended)
        if not len(ended):
            self._mixed = []
            return
        if file.crlf is None:
            file.crlf = bool(self._returns[ended[0]])
        self._mixed = ended[self._returns[ended] != file.crlf].tolist()

    def _walk(self, bases: np.ndarray) -> None:
        """Headers, and lines with something to say, in the order of the file; what lies between is added up."""
        file = self._file
        lengths = np.where(self._heads, 0, self._ends - self._starts)
        sums = np.concatenate([[0], np.cumsum(lengths)])
        text = bases[bases != 0].tobytes() if file.keep else b""
        blank = np.flatnonzero((self._ends == self._starts) & self._ended)
        if file.inside and len(blank) and blank[0] == 0:
            blank = blank[1:]  # the line began in the block before
        suspects, mixed, blanks = set(self._suspects), set(self._mixed), set(blank.tolist())
        heads = np.flatnonzero(self._heads).tolist()
        names, at = [], 0
        if file.number == 0 and sums[heads[0] if heads else -1]:
            self._before_header()
        for index in sorted({*heads, *suspects, *mixed, *blanks}):
            self._add(sums, text, at, index)
            at = index
            if self._heads[index]:
                names.append(self._header(index))
            self._judge(index, suspects, mixed, blanks)
        self._add(sums, text, at, len(self._starts))
        self._name(names)

    def _add(self, sums: np.ndarray, text: bytes, at: int, index: int) -> None:
        file = self._file
        file.length += int(sums[index] - sums[at])
        if file.keep and file.open and not file.too_long:
            file.parts.append(text[sums[at] : sums[index]])

    def _header(self, index: int) -> Place:
        file = self._file
        text = self._data[self._starts[index] + 1 : self._ends[index]].tobytes()
        file.number += 1
        place = Place(clean_name(text).decode("ascii"), file.number, *self._where(index))
        file.begin(place)
        if not place.name:
            file.say("empty_name", "the header has no name", place.line, place.byte)
        return place

    def _where(self, index: int) -> tuple[int, int]:
        goes_on = index == 0 and self._file.inside
        byte = self._file.line_byte if goes_on else self._file.byte + int(self._starts[index])
        return self._file.line + index, byte

    def _before_header(self) -> None:
        if not self._file.findings.counts["data_before_header"]:
            self._file.say(
                "data_before_header", "sequence stands before the first header", self._file.line, self._file.byte
            )

    def _judge(self, index: int, suspects: set[int], mixed: set[int], blanks: set[int]) -> None:
        file, where = self._file, self._where(index)
        if index in blanks:
            file.say("blank_line", "a blank line stands in the file", *where)
        if index in mixed:
            file.say("mixed_line_ends", "this line ends otherwise than the first line of the file", *where)
        if index in suspects and not (index == 0 and file.inside and file.told):
            text = self._data[self._starts[index] : self._ends[index]]
            if not self._heads[index] and file.letters.ends_in_stop(text):
                file.stop_at(len(text), *where)
                return
            code, message = self._fault(index)
            file.say(code, message, *where)
            self._told_last = index == len(self._starts) - 1

    def _fault(self, index: int) -> tuple[str, str]:
        text = self._data[self._starts[index] : self._ends[index]]
        letters, head = self._file.letters, self._heads[index]
        wrong = np.flatnonzero(~(TEXT if head else self._allowed)[text])
        illegal = wrong[~(TEXT if head else letters.legal)[text[wrong]]]
        first = int((illegal if len(illegal) else wrong)[0])
        column = self._file.byte + int(self._starts[index]) - self._where(index)[1] + first + 1
        where = f"column {column} holds byte 0x{text[first]:02x}"
        return letters.code_of(text, int(text[first]), bool(head), len(illegal) > 0), where

    def _name(self, places: list[Place]) -> None:
        named = [place for place in places if place.name]
        if named:
            data, starts = joined([shortened(place.name.encode()) for place in named])
            self._file.naming.add(hash_names(data, starts, Scratch()), named.__getitem__)
