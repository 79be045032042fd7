"""Where the four lines of each FASTQ record of a block lie, if the block is laid out as FASTQ is today."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqdrop.reads.matrix import blank_after, gather, width_for

TAB, LF, CR, SPACE, PLUS, AT, LAST = 9, 10, 13, 32, 43, 64, 126
HEADER, SEQUENCE, SEPARATOR, QUALITY = range(4)
WIDEST = 512  # of a header that is compared with a + line


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of four lines. `starts` and `ends` are (records, 4) byte indexes into `data`, line ends left out.

    `lengths` are their bases, `size` their bytes, line ends included; `crlf` is whether each line ends in CR LF.
    """

    data: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray
    size: int
    crlf: bool


def four_lines(data: np.ndarray, size: int) -> Rows | None:
    """The whole records in `data[:size]`; None if anything about their layout is unusual.

    Not None means: no record is cut, names are not empty, + lines are bare or repeat the header, sequence and quality
    are equally long, headers are printable ASCII. Bases and qualities themselves are not looked at.
    """
    newlines = _newlines(data, size)
    if newlines is None:
        return None
    ends = newlines[: len(newlines) // 4 * 4].reshape(-1, 4)
    if not len(ends):
        return Rows(data, ends, ends, ends[:, 0], 0, False)
    starts = np.empty_like(ends)
    starts.flat[0] = 0
    starts.reshape(-1)[1:] = ends.reshape(-1)[:-1] + 1
    end = int(ends[-1, -1]) + 1
    crlf = _crlf(data, ends)
    if crlf is None:
        return None
    ends = ends - 1 if crlf else ends
    rows = Rows(data, starts, ends, ends[:, SEQUENCE] - starts[:, SEQUENCE], end, crlf)
    return rows if _in_order(rows) else None


def _newlines(data: np.ndarray, size: int) -> np.ndarray | None:
    """Where the line feeds are; None if other control characters than TAB and CR LF, or bytes over ~, stand there."""
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
    ends_line = (data[others + 1] == LF) | (others + 1 == size)  # the LF of the last may come with the next block
    if not ((kinds == TAB) | ((kinds == CR) & ends_line)).all():
        return None
    return control[feeds]


def _flatnonzero(flags: np.ndarray) -> np.ndarray:
    """np.flatnonzero of sparse flags, a whole number of words: words without any are passed over first."""
    words = flags.view(np.uint64)
    some = np.flatnonzero(words != 0)
    within = np.flatnonzero(words[some].view(bool))
    return some[within >> 3] * 8 + (within & 7)


def _crlf(data: np.ndarray, ends: np.ndarray) -> bool | None:
    """Whether all lines end in CR LF; None if some do."""
    returns = np.count_nonzero(data[ends - 1] == CR) if ends[0, 0] else 0
    if not returns:
        return False
    return True if returns == ends.size else None


def _in_order(rows: Rows) -> bool:
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


def _names_repeat(rows: Rows, lengths: np.ndarray) -> bool:
    """Whether each + line is bare or equal to its header."""
    named = lengths[:, SEPARATOR] > 1
    lengths = lengths[named]
    if (lengths[:, SEPARATOR] != lengths[:, HEADER]).any() or lengths[:, HEADER].max() > WIDEST:
        return False
    width = width_for(int(lengths[:, HEADER].max()))
    names = []
    for line in (HEADER, SEPARATOR):
        text = gather(rows.data, rows.starts[named, line] + 1, width)
        blank_after(text, lengths[:, line] - 1)
        names.append(text)
    return bool((names[0] == names[1]).all())
