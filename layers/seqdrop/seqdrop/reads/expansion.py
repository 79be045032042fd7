"""The bound on the size to which a compressed file may expand, so that a small file cannot occupy a function for hours.

gzip can expand to 1,032 times its size. Sequence files expand to 3 to 10 times theirs, reads of few amplicons to 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

FREE = 2_000_000_000  # bytes to which any file may expand
RATIO = 25  # times the compressed size, if that is more


class Compressed(Protocol):
    """A compressed stream whose position is known."""

    @property
    def offset(self) -> int:
        """The number of compressed bytes that are used."""


@dataclass(frozen=True)
class Expansion:
    """The bound of one file, in bytes.

    `most` is the bound that the analysis sets; None for RATIO times the size, and at least FREE. `size` is the
    compressed size of the file; None if it is not known, as for a pipe. Then the bytes read so far count.
    """

    most: int | None = None
    size: int | None = None

    def limit(self, stream: Compressed) -> int:
        """Return the number of bytes to which the part that was read may expand."""
        if self.most is not None:
            return self.most
        return max(FREE, RATIO * (stream.offset if self.size is None else self.size))
