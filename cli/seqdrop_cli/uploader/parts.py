"""The parts of large files: their size, the memory that they may use, and the threads that send them."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from seqdrop_cli.uploader.landing_bucket import LandingBucket
    from seqdrop_cli.uploader.records import Item, Part
    from seqdrop_cli.uploader.state import UploadState

MIB = 1 << 20
SMALLEST_PART, LARGEST_PART = 8 * MIB, 64 * MIB
MOST_PARTS = 10_000  # of S3
MAX_BYTES = MOST_PARTS * LARGEST_PART
MEMORY = 64 * MIB  # bytes of files in memory, for all threads together


def choose_part_size(size: int) -> int:
    """Return the size of the parts of a file of `size` bytes: whole MiB, so that 10,000 parts suffice."""
    least = -(-size // MOST_PARTS)
    return max(SMALLEST_PART, -(-least // MIB) * MIB)


class Budget:
    """A number of bytes that all threads share."""

    def __init__(self, total: int = MEMORY) -> None:
        self._free, self._changed = total, threading.Condition()

    def acquire(self, count: int) -> None:
        """Wait until `count` bytes are free, and take them."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= count)
            self._free -= count

    def release(self, count: int) -> None:
        """Give bytes back."""
        with self._changed:
            self._free += count
            self._changed.notify_all()

    @contextmanager
    def take(self, count: int) -> Iterator[None]:
        """Use `count` bytes while the block runs."""
        self.acquire(count)
        try:
            yield
        finally:
            self.release(count)


@dataclass
class PartSender:
    """The threads that send the parts of all large files. `report` is called with the bytes that S3 has received."""

    landing: LandingBucket
    state: UploadState
    jobs: int
    report: Callable[[Item, int], None]
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.jobs, "part")

    def open(self, item: Item, multipart: str) -> Parts:
        """Return the parts of one file; none is there yet."""
        return Parts(self, item, multipart)

    def submit(self, item: Item, multipart: str, number: int, body: bytes, crc32: str) -> Future[Part]:
        """Send a part in another thread and record it."""

        def send() -> Part:
            part = self.landing.put_part(item.key, multipart, number, body, crc32)
            self.state.add_part(self.landing.bucket, item.key, part)
            self.report(item, len(body))
            return part

        return self._pool.submit(send)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


class Parts:
    """The parts of one file, as a context that ends when each of them is sent. It raises the first error of any."""

    def __init__(self, sender: PartSender, item: Item, multipart: str) -> None:
        self._sender, self._item, self._multipart = sender, item, multipart
        self._futures: set[Future[Part]] = set()
        self._parts: dict[int, Part] = {}
        self._reserved = 0  # bytes of memory for a part that is being read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sender.budget.release(self._reserved)
        try:
            while self._futures and kind is None:
                self._collect()
        finally:
            for future in self._futures:
                future.cancel()
            wait(self._futures)

    def wait_for_memory(self, size: int) -> None:
        """Wait until a part of `size` bytes may be read. Raise the error of a part that could not be sent."""
        while len(self._futures) >= self._sender.jobs * 2:
            self._collect()
        self._sender.landing.pace.check()
        self._sender.budget.acquire(size)
        self._reserved = size

    def add(self, number: int, body: bytes, crc32: str, known: Part | None) -> None:
        """Send a part unless S3 has it with this checksum. Its memory is free again afterwards."""
        size, self._reserved = self._reserved, 0
        if known and (known.size, known.crc32) == (len(body), crc32):
            self._parts[number] = known
            self._sender.budget.release(size)
            return
        future = self._sender.submit(self._item, self._multipart, number, body, crc32)
        future.add_done_callback(lambda _: self._sender.budget.release(size))
        self._futures.add(future)

    def in_order(self) -> list[Part]:
        """Return the parts by their numbers."""
        return [self._parts[number] for number in sorted(self._parts)]

    def _collect(self) -> None:
        done, self._futures = wait(self._futures, return_when=FIRST_COMPLETED)
        for future in done:
            part = future.result()
            self._parts[part.number] = part
