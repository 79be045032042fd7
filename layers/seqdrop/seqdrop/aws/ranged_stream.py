"""One object version of S3 as a stream, read by several ranged GETs at a time.

One connection gives what one connection gives; a file is decompressed faster than that. Parts are fetched ahead by a
few threads and handed on in order, so memory is bounded by the number of parts. s3transfer downloads in parts too,
but it writes to a file object of the caller's: as a stream it would need a pipe, a thread and a way back for errors,
which is more than what stands here.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from seqdrop.aws.errors import is_conflict, is_missing
from seqdrop.errors import ObjectGoneError

if TYPE_CHECKING:
    from seqdrop.uploads import UploadVersion

PART = 4 << 20  # large enough that the wait for its first byte is a small part of its time
PARTS = 4  # held at a time: the one being read, and those being fetched
TRIES = 5
FIRST_PAUSE = 0.2  # seconds before the second try; doubles
# botocore tries a request again that S3 did not answer; a body that breaks off in the middle is left to us.
BROKEN = (ConnectionError, FlexibleChecksumError, HTTPClientError, IncompleteReadError, ResponseStreamingError)


class RangedObject(io.RawIOBase):
    """The bytes of `version`, in order. Raises ObjectGoneError if it is not there, or no longer what it was.

    An object of one part is one plain GET in the caller's thread. `close` leaves no thread behind.
    """

    def __init__(self, s3, version: UploadVersion, part: int = PART, parts: int = PARTS, pause: float = FIRST_PAUSE):
        self._s3, self._version = s3, version
        self._part, self._pause = part, pause
        self._stopped = threading.Event()
        self._waiting: deque[Future[bytes]] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._held, self._at = memoryview(b""), 0
        self._offsets = iter(range(0, max(version.size, 1), part))
        if version.size > part:
            self._threads = ThreadPoolExecutor(max(1, parts - 1), thread_name_prefix="part")
            for _ in range(max(1, parts - 1)):
                self._fetch_ahead()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """What is at hand of `size` bytes, one at the least; b"" at the end. All that is left without a size."""
        return self.readall() if size < 0 else bytes(self._take(size))

    def readinto(self, buffer) -> int:
        taken = self._take(len(buffer))
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        """Drop what is held and end the threads; a part that is being fetched is waited for."""
        self._stopped.set()
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
        self._waiting.clear()
        self._held = memoryview(b"")
        self._at = 0
        super().close()

    def _take(self, size: int) -> memoryview:
        if self.closed:
            raise ValueError("read of a closed object")
        if self._at == len(self._held):
            self._held, self._at = memoryview(self._next()), 0
        taken = self._held[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def _next(self) -> bytes:
        """The next part; b"" after the last."""
        if self._threads is None:
            offset = next(self._offsets, None)
            return b"" if offset is None else self._fetched(offset)
        self._held = memoryview(b"")  # before one more part is fetched in its place
        if not self._waiting:
            return b""
        block = self._waiting.popleft().result()
        self._fetch_ahead()
        return block

    def _fetch_ahead(self) -> None:
        offset = next(self._offsets, None)
        if offset is not None:
            self._waiting.append(self._threads.submit(self._fetched, offset))

    def _fetched(self, offset: int) -> bytes:
        """One whole part, tried again where its body broke off."""
        size = min(self._part, self._version.size - offset)
        for count in range(TRIES):
            try:
                return self._get(offset, size)
            except BROKEN:
                if count == TRIES - 1 or self._stopped.wait(self._pause * 2**count):
                    raise
        raise AssertionError("unreachable")

    def _get(self, offset: int, size: int) -> bytes:
        version = self._version
        wanted = {"Bucket": version.bucket, "Key": version.key}
        if version.version_id:  # "" is the present one; naming it takes a permission that a person may lack
            wanted["VersionId"] = version.version_id
        if self._threads:
            wanted["Range"] = f"bytes={offset}-{offset + size - 1}"
        if version.etag:
            wanted["IfMatch"] = f'"{version.etag}"'
        try:
            with closing(self._s3.get_object(**wanted)["Body"]) as body:
                block = body.read()
        except ClientError as error:
            raise _refusal(error) from error
        if self._threads and len(block) != size:
            raise IncompleteReadError(actual_bytes=len(block), expected_bytes=size)
        return block


def _refusal(error: ClientError) -> Exception:
    if is_missing(error):
        return ObjectGoneError("the object was deleted before it was read")
    if is_conflict(error):
        return ObjectGoneError("the object was replaced before it was read")
    return error
