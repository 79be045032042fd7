"""Locate the four lines of each FASTQ record in a block, if the block has the usual layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.matrix import clear_after, gather, width_for

if TYPE_CHECKING:
    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array

TAB, LF, CR, SPACE, PLUS, AT, LAST = 9, 10, 13, 32, 43, 64, 126
HEADER, SEQUENCE, SEPARATOR, QUALITY = range(4)
WIDEST = 512  # bytes of the longest header that is compared with its + line here


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of four lines. `starts` and `ends` are (records, 4) byte indexes into `data`; line ends are excluded.

    `lengths` is the number of bases of each record. `size` is the number of bytes of all records with line ends. `crlf`
    is True if all lines end in CR LF.
    """

    data: UInt8Array
    starts: Int64Array
    ends: Int64Array
    lengths: Int64Array
    size: int
    crlf: bool


def locate_lines(data: UInt8Array, size: int) -> Rows | None:
    """Return the complete records in `data[:size]`; None if anything about their layout is unusual.

    In the returned records, names are not empty, + lines are bare or repeat the header, sequence and quality have the
    same length, and headers are printable ASCII. The characters of sequence and quality are not checked.
    """
    newlines = _find_newlines(data, size)
    if newlines is None:
        return None
    ends = newlines[: len(newlines) // 4 * 4].reshape(-1, 4)
    if not len(ends):
        return Rows(data, ends, ends, ends[:, 0], 0, False)
    starts = np.empty_like(ends)
    starts.flat[0] = 0
    starts.reshape(-1)[1:] = ends.reshape(-1)[:-1] + 1
    end = int(ends[-1, -1]) + 1
    crlf = _ends_in_crlf(data, ends)
    if crlf is None:
        return None
    ends = ends - 1 if crlf else ends
    rows = Rows(data, starts, ends, ends[:, SEQUENCE] - starts[:, SEQUENCE], end, crlf)
    return rows if _is_usual(rows) else None


def _find_newlines(data: UInt8Array, size: int) -> Int64Array | None:
    """Return the indexes of line feeds; None if there is a byte over ~, or a control character except TAB and CR LF."""
    if not size or data[:size].max() > LAST:
        return None
    control = _flatnonzero(data[: size + 7 & ~7] < SPACE)
    control = control[: np.searchsorted(control, size)]
    kinds = data[control]
    feeds = kinds == LF
    if feeds.all():
        return control
    others = control[~feeds]
    kinds = kinds[~feeds]
    ends_line = (data[others + 1] == LF) | (others + 1 == size)  # the LF of the last CR may be in the next block
    if not ((kinds == TAB) | ((kinds == CR) & ends_line)).all():
        return None
    newlines: Int64Array = control[feeds]
    return newlines


def _flatnonzero(flags: BoolArray) -> Int64Array:
    """Return np.flatnonzero of flags that are mostly False. Their number must be a multiple of 8.

    Groups of eight flags that are all False are skipped, which is faster.
    """
    words = flags.view(np.uint64)
    some = np.flatnonzero(words != 0)
    within = np.flatnonzero(words[some].view(bool))
    indexes: Int64Array = some[within >> 3] * 8 + (within & 7)
    return indexes


def _ends_in_crlf(data: UInt8Array, ends: Int64Array) -> bool | None:
    """Return True if all lines end in CR LF, False if none does, None if only some do."""
    returns = np.count_nonzero(data[ends - 1] == CR) if ends[0, 0] else 0
    if not returns:
        return False
    return True if returns == ends.size else None


def _is_usual(rows: Rows) -> bool:
    data, starts = rows.data, rows.starts
    lengths = rows.ends - starts
    headers = starts[:, HEADER]
    return bool(
        (data[headers] == AT).all()
        and (data[starts[:, SEPARATOR]] == PLUS).all()
        and (lengths[:, SEQUENCE] == lengths[:, QUALITY]).all()
        and lengths[:, HEADER].min() > 1
        and data[headers + 1].min() > SPACE
        and (lengths[:, SEPARATOR].max() == 1 or _names_repeat(rows, lengths))
    )


def _names_repeat(rows: Rows, lengths: Int64Array) -> bool:
    """Return True if each + line is bare or repeats its header."""
    has_name = lengths[:, SEPARATOR] > 1
    lengths = lengths[has_name]
    if (lengths[:, SEPARATOR] != lengths[:, HEADER]).any() or lengths[:, HEADER].max() > WIDEST:
        return False
    width = width_for(int(lengths[:, HEADER].max()))
    names = []
    for line in (HEADER, SEPARATOR):
        text = gather(rows.data, rows.starts[has_name, line] + 1, width)
        clear_after(text, lengths[:, line] - 1)
        names.append(text)
    return bool((names[0] == names[1]).all())
