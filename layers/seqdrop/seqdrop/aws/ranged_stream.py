"""One object version of S3 as a stream that several ranged GETs fill at the same time.

One connection is slower than decompression. A few threads therefore fetch parts ahead, and the stream returns them in
order; the number of parts bounds the memory. s3transfer also downloads in parts, but it writes to a file object of the
caller. To use it as a stream would take a pipe, a thread and a channel for errors: more code than this module.
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

from seqdrop.aws.labels import has_labels
from seqdrop.aws.readability import explain

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

    from seqdrop.uploads import UploadVersion

PART = 4 << 20  # bytes; large enough that the wait for the first byte is a small share of the time
PARTS = 4  # in memory: the part being read, and those being fetched
TRIES = 5
FIRST_PAUSE = 0.2  # seconds before the second try; doubles with each try
# botocore retries a request without a response, but not a response whose body breaks off.
BROKEN = (ConnectionError, FlexibleChecksumError, HTTPClientError, IncompleteReadError, ResponseStreamingError)


class RangedObject(io.RawIOBase):
    """The bytes of one object version, in order.

    Reading raises ObjectGoneError if it was deleted or replaced, and UnreadableObjectError if S3 does not return its
    bytes. An object of one part is read by one plain GET in the caller's thread. `close` ends all threads. `has_labels`
    is known when bytes were read: whether the object has user metadata or tags (labels.py).
    """

    has_labels = False

    def __init__(
        self, s3: S3Client, version: UploadVersion, part: int = PART, parts: int = PARTS, pause: float = FIRST_PAUSE
    ) -> None:
        self._s3 = s3
        self._version = version
        self._part = part
        self._pause = pause
        self._stopped = threading.Event()
        self._waiting: deque[Future[bytes]] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._block = memoryview(b"")
        self._position = 0  # in _block
        self._offsets = iter(range(0, max(version.size, 1), part))
        if version.size > part:
            self._threads = ThreadPoolExecutor(max(1, parts - 1), thread_name_prefix="part")
            for _ in range(max(1, parts - 1)):
                self._fetch_ahead(self._threads)

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return 1 to `size` bytes, b"" at the end of the stream, or all remaining bytes if `size` is negative."""
        return self.readall() if size < 0 else bytes(self._take(size))

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the start of `buffer` and return the number of bytes; 0 at the end of the stream."""
        view = memoryview(buffer)
        taken = self._take(len(view))
        view[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        """Drop the parts in memory and end the threads. Blocks until the requests in progress have ended."""
        self._stopped.set()
        if self._threads:
            self._threads.shutdown(cancel_futures=True)
        self._waiting.clear()
        self._block = memoryview(b"")
        self._position = 0
        super().close()

    def _take(self, size: int) -> memoryview:
        if self.closed:
            raise ValueError("read of a closed object")
        if self._position == len(self._block):
            self._block = memoryview(self._next_part())
            self._position = 0
        taken = self._block[self._position : self._position + size]
        self._position += len(taken)
        return taken

    def _next_part(self) -> bytes:
        """Return the next part; b"" after the last one."""
        if self._threads is None:
            offset = next(self._offsets, None)
            return b"" if offset is None else self._fetch(offset)
        self._block = memoryview(b"")  # frees the memory before the next part is fetched
        if not self._waiting:
            return b""
        block = self._waiting.popleft().result()
        self._fetch_ahead(self._threads)
        return block

    def _fetch_ahead(self, threads: ThreadPoolExecutor) -> None:
        offset = next(self._offsets, None)
        if offset is not None:
            self._waiting.append(threads.submit(self._fetch, offset))

    def _fetch(self, offset: int) -> bytes:
        """Return the whole part at `offset`; retry if its body breaks off."""
        size = min(self._part, self._version.size - offset)
        for count in range(TRIES):
            try:
                return self._get(offset, size)
            except BROKEN:
                if count == TRIES - 1 or self._stopped.wait(self._pause * 2**count):
                    raise
        raise AssertionError("unreachable")

    def _get(self, offset: int, size: int) -> bytes:
        try:
            response = self._s3.get_object(**self._request(offset, size))
            with closing(response["Body"]) as body:
                block = body.read()
        except ClientError as error:
            raise explain(self._s3, self._version, error) from error
        if self._threads and len(block) != size:
            raise IncompleteReadError(actual_bytes=len(block), expected_bytes=size)
        self.has_labels = has_labels(response)
        return block

    def _request(self, offset: int, size: int) -> GetObjectRequestTypeDef:
        version = self._version
        request: GetObjectRequestTypeDef = {"Bucket": version.bucket, "Key": version.key}
        if version.version_id:  # "" means the current version; to name a version takes a permission that users may lack
            request["VersionId"] = version.version_id
        if self._threads:
            request["Range"] = f"bytes={offset}-{offset + size - 1}"
        if version.etag:
            request["IfMatch"] = f'"{version.etag}"'
        return request
