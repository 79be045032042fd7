"""Lines of a text file that may be compressed with gzip. A data set with more than MOST_BYTES of text is refused."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.training.data.rows import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from seqdrop.training.data.rows import Problems

MOST_BYTES = 400_000_000  # bytes of uncompressed text in all files of a data set
GZIP = b"\x1f\x8b"


class Budget:
    """The bytes of text that a data set may still have (`left`)."""

    def __init__(self, left: int = MOST_BYTES) -> None:
        self._left = left

    @property
    def left(self) -> int:
        """The number of bytes; negative if too many were spent."""
        return self._left

    def spend(self, count: int) -> bool:
        """Subtract `count` bytes; return False if fewer were left."""
        self._left -= count
        return self._left >= 0


@dataclass(frozen=True)
class Source:
    """A file of a data set: its name for messages, and its bytes."""

    name: str
    stream: BufferedReader


def decompress(source: Source) -> gzip.GzipFile | BufferedReader:
    """Return the stream of a file, decompressed if it is gzip."""
    stream = source.stream
    return gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == GZIP else stream


def split_lines(source: Source, budget: Budget) -> Iterator[bytes]:
    """Yield the lines of a file. Of a line that exceeds the budget, yield one byte more than is left.

    A gzip file of a few MB may hold a line that does not fit in memory.
    """
    stream = decompress(source)
    while line := stream.readline(max(budget.left, 0) + 1):
        yield line


def read_lines(source: Source, problems: Problems, budget: Budget) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, text) of each line that is not blank, without surrounding white space.

    Report a fault to `problems` and end there.
    """
    for number, text in read_whole_lines(source, problems, budget):
        yield number, text.strip()


def read_whole_lines(source: Source, problems: Problems, budget: Budget) -> Iterator[tuple[int, str]]:
    """Yield the lines as `read_lines` does, but with the white space around them, which may be empty cells."""
    number = 0
    try:
        for number, raw in enumerate(split_lines(source, budget), start=1):
            if not budget.spend(len(raw)):
                problems.add("too_large", f"{source.name}: the data set has too much text", Place(line=number))
                return
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            if text.strip():
                yield number, text
    except (OSError, EOFError, zlib.error):
        problems.add("bad_text", f"{source.name}: the gzip file is damaged or truncated", Place(line=number or None))
    except UnicodeDecodeError:
        problems.add("bad_text", f"{source.name}: the file is not text", Place(line=number))
