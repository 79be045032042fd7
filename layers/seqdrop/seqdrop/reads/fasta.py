"""FASTA of nucleotides, wrapped or not, a block at a time. Lines may be of any length: a chromosome may be one."""

from __future__ import annotations

import numpy as np

from seqdrop.reads.blocks import Blocks
from seqdrop.reads.codes import IGNORE
from seqdrop.reads.duplicates import Place
from seqdrop.reads.exact import clean_name
from seqdrop.reads.fastq import joined, shortened
from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.matrix import Scratch
from seqdrop.reads.measure import BASES, Measure
from seqdrop.reads.names import hash_names
from seqdrop.reads.naming import Naming
from seqdrop.reads.qc import Tally
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES, Record
from seqdrop.reads.rows import CR, LF, TAB

HEAD = ord(">")
AMINO_ACIDS = b"ACDEFGHIKLMNPQRSTVWYBXZJUO*acdefghiklmnpqrstvwybxzjuo"
PROTEIN_BELOW = 0.6  # of a line's letters are A, C, G, T, U or N; in DNA nearly all are, in proteins a quarter
_LEGAL = np.zeros(256, bool)
_LEGAL[list(NUCLEOTIDES)] = True
_PLAIN = np.zeros(256, bool)
_PLAIN[list(NUCLEOTIDES_BUT_CODES)] = True
_TEXT = np.zeros(256, bool)
_TEXT[[TAB, *range(32, 127)]] = True


class Fasta:
    """Takes blocks of a FASTA stream; counts into `tally`, reports to `findings`.

    With `keep`, `records` hands out each record once its end was seen; a record is then held in memory whole.
    """

    layout = "fasta"

    def __init__(self, findings: Findings, tally: Tally, keep: bool = False):
        self._findings, self._tally, self._keep = findings, tally, keep
        self.naming = Naming(findings, may_interleave=False)
        self.number = 0
        self._line, self._byte = 1, 0
        self._inside = False  # whether the block begins inside a sequence line
        self._line_byte = 0  # where that line begins
        self._told = False  # whether a fault of that line was told
        self._crlf: bool | None = None
        self._open: Place | None = None  # the record that may go on
        self._length = 0
        self._parts: list[bytes] = []
        self._whole: list[Record] = []
        self._codes_matter = findings.policy.severity("ambiguous_base") != IGNORE

    @property
    def place(self) -> dict[str, int]:
        """Line and byte of what comes next."""
        return {"line": self._line, "byte": self._byte}

    def take(self, blocks: Blocks) -> list[Record]:
        """Check what the buffer holds, and use it up but for a header that is not whole."""
        end = self._end(blocks)
        if end:
            _Block(self, blocks.data[:end]).check()
        blocks.use(end)
        whole, self._whole = self._whole, []
        return whole

    def finish(self) -> list[Record]:
        """Close the last record, and report what can be told at the end only."""
        self._close()
        if self._crlf:
            self._findings.add(fault("crlf", "lines end in CR LF", line=1, byte=0))
        self.naming.finish()
        whole, self._whole = self._whole, []
        return whole

    def _end(self, blocks: Blocks) -> int:
        """How much of the buffer can be used: whole lines, or a piece of a sequence line that fills the buffer."""
        data, size = blocks.data, blocks.size
        if blocks.final:
            return size
        feeds = np.flatnonzero(data[:size] == LF)
        if len(feeds):
            return int(feeds[-1]) + 1
        if data[0] == HEAD and not self._inside:
            return 0
        return size - 1 if data[size - 1] == CR else size

    def say(self, code: str, message: str, line: int, byte: int) -> None:
        place = self._open
        self._findings.add(
            fault(
                code, message, name=place and (place.name or None), record=place and place.record, line=line, byte=byte
            )
        )

    def _begin(self, place: Place) -> None:
        self._close()
        self._open, self._length = place, 0

    def _close(self) -> None:
        if self._open is None:
            return
        if not self._length:
            self.say("empty_record", "the record has no sequence", self._open.line, self._open.byte)
        self._tally.add_length(self._length)
        if self._keep:
            self._whole.append(Record(self._open.record, self._open.name, b"".join(self._parts)))
            self._parts = []


class _Block:
    """One block: its lines, found and judged at once; only those with a fault are looked at one by one."""

    def __init__(self, file: Fasta, data: np.ndarray):
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
        if file._inside:
            self._heads[0] = False

    def check(self) -> None:
        file = self._file
        bases = self._bases()
        counts = self._counts(bases)
        self._check_bytes(bases, counts)
        self._check_ends()
        self._walk(bases)
        file._tally.add_bases(counted(counts))
        if not self._ended[-1]:
            file._line_byte = self._where(len(self._starts) - 1)[1]
        file._line += int(np.count_nonzero(self._ended))
        file._byte += len(self._data)
        was_inside = file._inside and len(self._starts) == 1
        file._inside = not self._ended[-1] and not self._heads[-1]
        file._told = (file._told and was_inside and file._inside) or self._told_last

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
        bad = counts[~_LEGAL].any() or (file._codes_matter and counts[_LEGAL & ~_PLAIN].any()) or self._has_nul
        header_bytes = self._data[(bases == 0)]
        odd = np.count_nonzero(~_TEXT[header_bytes]) - np.count_nonzero(self._ended) - np.count_nonzero(self._returns)
        self._suspects = self._find_suspects() if bad or odd else []

    def _find_suspects(self) -> list[int]:
        """Indexes of lines with a byte that may not stand there."""
        allowed = _PLAIN if self._file._codes_matter else _LEGAL
        wrong = ~allowed[self._data]
        wrong[self._stops[self._ended]] = False
        wrong[self._ends[self._returns]] = False
        for index in np.flatnonzero(self._heads).tolist():
            span = slice(self._starts[index], self._ends[index])
            wrong[span] = ~_TEXT[self._data[span]]
        places = np.flatnonzero(wrong)
        return np.unique(np.searchsorted(self._starts, places, "right") - 1).tolist()

    def _check_ends(self) -> None:
        file, ended = self._file, np.flatnonzero(self._ended)
        if not len(ended):
            self._mixed = []
            return
        if file._crlf is None:
            file._crlf = bool(self._returns[ended[0]])
        self._mixed = ended[self._returns[ended] != file._crlf].tolist()

    def _walk(self, bases: np.ndarray) -> None:
        """Headers, and lines with something to say, in the order of the file; what lies between is added up."""
        file = self._file
        lengths = np.where(self._heads, 0, self._ends - self._starts)
        sums = np.concatenate([[0], np.cumsum(lengths)])
        text = bases[bases != 0].tobytes() if file._keep else b""
        blank = np.flatnonzero((self._ends == self._starts) & self._ended)
        if file._inside and len(blank) and blank[0] == 0:
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
        file._length += int(sums[index] - sums[at])
        if file._keep and file._open:
            file._parts.append(text[sums[at] : sums[index]])

    def _header(self, index: int) -> Place:
        file = self._file
        text = self._data[self._starts[index] + 1 : self._ends[index]].tobytes()
        file.number += 1
        place = Place(clean_name(text).decode("ascii"), file.number, *self._where(index))
        file._begin(place)
        if not place.name:
            file.say("empty_name", "the header has no name", place.line, place.byte)
        return place

    def _where(self, index: int) -> tuple[int, int]:
        goes_on = index == 0 and self._file._inside
        byte = self._file._line_byte if goes_on else self._file._byte + int(self._starts[index])
        return self._file._line + index, byte

    def _before_header(self) -> None:
        if not self._file._findings.counts["data_before_header"]:
            self._file.say(
                "data_before_header", "sequence stands before the first header", self._file._line, self._file._byte
            )

    def _judge(self, index: int, suspects: set[int], mixed: set[int], blanks: set[int]) -> None:
        file, where = self._file, self._where(index)
        if index in blanks:
            file.say("blank_line", "a blank line stands in the file", *where)
        if index in mixed:
            file.say("mixed_line_ends", "this line ends otherwise than the first line of the file", *where)
        if index in suspects and not (index == 0 and file._inside and file._told):
            code, message = self._fault(index)
            file.say(code, message, *where)
            self._told_last = index == len(self._starts) - 1

    def _fault(self, index: int) -> tuple[str, str]:
        text = self._data[self._starts[index] : self._ends[index]]
        allowed = _TEXT if self._heads[index] else _PLAIN if self._file._codes_matter else _LEGAL
        wrong = np.flatnonzero(~allowed[text])
        illegal = wrong[~(_TEXT if self._heads[index] else _LEGAL)[text[wrong]]]
        first = int((illegal if len(illegal) else wrong)[0])
        column = self._file._byte + int(self._starts[index]) - self._where(index)[1] + first + 1
        where = f"column {column} holds byte 0x{text[first]:02x}"
        return _code(text, text[first], bool(self._heads[index]), len(illegal) > 0), where

    def _name(self, places: list[Place]) -> None:
        named = [place for place in places if place.name]
        if named:
            data, starts = joined([shortened(place.name.encode()) for place in named])
            self._file.naming.add(hash_names(data, starts, Scratch()), named.__getitem__)


def _code(text: np.ndarray, byte: int, header: bool, illegal: bool) -> str:
    if byte > 127:
        return "non_ascii"
    if byte == 0:
        return "nul_byte"
    if byte == CR:
        return "mixed_line_ends"
    if header:
        return "control_character"
    if not illegal:
        return "ambiguous_base"
    line = text.tobytes()
    dna = len(line) - len(line.translate(None, NUCLEOTIDES_BUT_CODES))
    return (
        "protein_suspected"
        if not line.translate(None, AMINO_ACIDS) and dna < PROTEIN_BELOW * len(line)
        else "illegal_base"
    )


def counted(counts: np.ndarray) -> Measure:
    """Byte counts of sequences as a Measure without positions."""
    total = Measure()
    both = counts.copy()
    both[65:91] += counts[97:123]
    for row, base in enumerate(BASES):
        total.bins[row, 0] = both[base]
    total.bins[3, 0] += both[ord("U")]
    total.lower = int(counts[97:123].sum())
    total.ambiguous = int(counts[_LEGAL & ~_PLAIN].sum())
    return total
