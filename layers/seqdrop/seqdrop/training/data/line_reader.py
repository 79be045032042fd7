"""Lines of a text file that may be gzip, bounded: what reads a data set never holds more than MOST_BYTES."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.training.data.rows import Problems

MOST_BYTES = 400_000_000  # of text, over all files of a data set
GZIP = b"\x1f\x8b"


class Budget:
    """How many bytes of text a data set may still have."""

    def __init__(self, left: int = MOST_BYTES):
        self._left = left

    def spend(self, count: int) -> bool:
        """False if that is more than there was."""
        self._left -= count
        return self._left >= 0


@dataclass(frozen=True)
class Source:
    """A file of a data set: its name for messages, and its bytes."""

    name: str
    stream: BinaryIO


def unpacked(source: Source) -> BinaryIO:
    """The stream, decompressed if it is gzip."""
    stream = source.stream if hasattr(source.stream, "peek") else io.BufferedReader(source.stream)
    return gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == GZIP else stream


def lines(source: Source, problems: Problems, budget: Budget) -> Iterator[tuple[int, str]]:
    """(number from 1, text without the white space around it) of each line that has any. Ends at a fault."""
    number = 0
    try:
        for number, raw in enumerate(unpacked(source), start=1):
            if not budget.spend(len(raw)):
                return problems.add("too_large", f"{source.name}: the data set has too much text", line=number)
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if text:
                yield number, text
    except (OSError, EOFError, zlib.error):
        problems.add("bad_text", f"{source.name}: the gzip file is damaged or cut off", line=number or None)
    except UnicodeDecodeError:
        problems.add("bad_text", f"{source.name}: this is no text", line=number + 1)
