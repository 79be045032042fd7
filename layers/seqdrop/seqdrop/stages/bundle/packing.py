"""Pack a part of a bundle: read its files, compare each with its SHA-256, and place them between their headers."""

from __future__ import annotations

import hashlib
from concurrent.futures import wait
from itertools import cycle
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.direct_reads import DirectReads
from seqdrop.aws.errors import is_archived, is_bad_request, is_key_refusal, is_missing
from seqdrop.errors import SeqdropError
from seqdrop.runs.bundle_layout import fill_headers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import ThreadPoolExecutor

    from mypy_boto3_s3.client import S3Client

    from seqdrop.aws.direct_reads import Content
    from seqdrop.runs.bundle_index import Entry
    from seqdrop.runs.bundle_layout import Part
    from seqdrop.stages.bundle.plan import Plan

PARALLEL = 10  # files that are read at the same time
TRIES = 3  # readings of a file whose bytes differ from its checksums


class UnpackableError(SeqdropError):
    """Files that cannot be packed: deleted, in an archive class, under another key, with tags, or with other bytes.

    `uploads` are their ids. Permanent for the bundle; the archive stage finds out what becomes of each file.
    """

    def __init__(self, uploads: Sequence[str]) -> None:
        super().__init__(f"{len(uploads)} files cannot be packed, the first of upload {uploads[0]}")
        self.uploads = uploads


class Packer:
    """Reads files of a plan with one request for each, PARALLEL at a time.

    Memory is that of two parts, and of the files that are read at the moment, which are no more than a part.
    """

    def __init__(self, s3: S3Client, plan: Plan, threads: ThreadPoolExecutor) -> None:
        self.s3, self.plan, self.threads = s3, plan, threads
        self._reads = DirectReads(s3, plan.bucket)
        largest = max(part.size for part in plan.parts)
        self._buffers = cycle([bytearray(largest), bytearray(largest)])

    def pack(self, part: Part) -> bytearray:
        """Return the bytes of a part, which are valid until the call after the next.

        Raise UnpackableError if bytes differ TRIES times, or S3 does not return them.
        """
        body = next(self._buffers)
        _resize(body, part.size)
        with memoryview(body) as buffer:
            fill_headers(self.plan.index, part, buffer)
            places, failed = list(range(part.first, part.last)), set()
            for _ in range(TRIES):
                failed |= self._place_all(part, buffer, places)
                places = [place for place in places if place not in failed and not self._is_same(part, buffer, place)]
            failed.update(places)
        if failed:
            raise UnpackableError([self.plan.uploads[place] for place in sorted(failed)])
        return body

    def _place_all(self, part: Part, buffer: memoryview, places: list[int]) -> set[int]:
        """Write files to their places; return the places of those that S3 does not return, or not in their size."""
        shares = [places[first::PARALLEL] for first in range(min(PARALLEL, len(places)))]
        # All are awaited, also after an error: no thread may write to the buffer afterwards.
        pending = [self.threads.submit(self._place_share, part, buffer, share) for share in shares]
        wait(pending)
        return {place for future in pending for place in future.result()}

    def _place_share(self, part: Part, buffer: memoryview, places: list[int]) -> list[int]:
        return [place for place in places if not self._place(part, buffer, place)]

    def _place(self, part: Part, buffer: memoryview, place: int) -> bool:
        """Write a file to its place. Return False if it cannot be read, or was tagged after its validation."""
        entry, content = self.plan.index.entries[place], self._read(place)
        if content is None or content.has_labels or len(content.body) != entry.size:
            return False
        begin = entry.offset - part.start
        buffer[begin : begin + entry.size] = content.body
        return True

    def _is_same(self, part: Part, buffer: memoryview, place: int) -> bool:
        """Return True if the bytes at the place of a file have its SHA-256; its CRC-32 is then theirs as well.

        One thread does this after all files of the part: hashing in the threads that read costs half as much again,
        because hashlib releases Python's lock for each file, and all of them want it back.
        """
        entry = self.plan.index.entries[place]
        begin = entry.offset - part.start
        return is_same(buffer[begin : begin + entry.size], entry)

    def _read(self, place: int) -> Content | None:
        try:
            return self._reads.read(self.plan.key_of(place), self.plan.versions[place])
        except ClientError as error:
            if is_missing(error) or is_archived(error) or is_key_refusal(error) or is_bad_request(error):
                return None
            raise


def _resize(buffer: bytearray, size: int) -> None:
    """Change the size of a buffer, within the memory that it has.

    New memory for each part would cost as much as a third of its SHA-256.
    """
    if len(buffer) > size:
        del buffer[size:]
    else:
        buffer.extend(bytes(size - len(buffer)))


def is_same(content: memoryview, entry: Entry) -> bool:
    """Return True if bytes have the SHA-256 of an entry of an index."""
    return hashlib.sha256(content).hexdigest() == entry.sha256
