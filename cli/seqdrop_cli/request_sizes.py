"""The sizes of requests to an endpoint, which follow the time that it takes and what it returns.

SageMaker ends a request after 60 seconds and bounds request and response by 6 MB (25 MB in some regions). How long an
item takes depends on the model and on the instance, by a factor of a thousand: so requests begin small and grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import SeqdropError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST, MOST = 4_000, 3_000_000  # bytes of work items in a request
LARGEST = 6_000_000  # bytes that an endpoint accepts in one request
LONG, SHORT = 10.0, 2.5  # seconds: a request that takes longer is too large, one below can be larger
LARGE, SMALL = 2_000_000, 500_000  # the same in bytes of the response


class ItemTooLargeError(SeqdropError):
    """A work item does not fit in a request to an endpoint."""


@dataclass
class RequestSizes:
    """The size up to which work items are packed. Threads may measure requests at the same time."""

    limit: int = FIRST

    def pack(self, items: Iterable[bytes]) -> Iterator[bytes]:
        """Yield requests, without a final newline, of as many items as fit in the limit, but at least one.

        Raise ItemTooLargeError if an item alone is larger than an endpoint accepts.
        """
        packed: list[bytes] = []
        total = 0
        for item in items:
            if len(item) > LARGEST:
                raise ItemTooLargeError(
                    f"a work item has {len(item):,} bytes, but an endpoint accepts {LARGEST:,}; predict the file with "
                    "a job (`seqdrop drop`) or on this machine (--model)"
                )
            if packed and total + len(item) > self.limit:
                yield b"".join(packed).rstrip(b"\n")
                packed, total = [], 0
            packed.append(item)
            total += len(item)
        if packed:
            yield b"".join(packed).rstrip(b"\n")

    def adapt(self, sent: int, seconds: float, received: int) -> None:
        """Adapt the limit to a request of `sent` bytes that took `seconds` and returned `received` bytes."""
        if seconds > LONG or received > LARGE:
            self.limit = max(1, min(self.limit, sent) // 2)
        elif seconds < SHORT and received < SMALL and sent > self.limit // 2:
            self.limit = min(MOST, self.limit * 2)
