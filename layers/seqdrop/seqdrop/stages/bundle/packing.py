"""Pack a part of a bundle: read its files, compare each with its SHA-256, and place them between their headers."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from isal import isal_zlib

from seqdrop.aws.errors import is_archived, is_bad_request, is_key_refusal, is_missing
from seqdrop.errors import SeqdropError
from seqdrop.runs.bundle_layout import fill_headers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import ThreadPoolExecutor

    from mypy_boto3_s3.client import S3Client

    from seqdrop.runs.bundle_index import Entry
    from seqdrop.runs.bundle_layout import Part
    from seqdrop.stages.bundle.plan import Plan

PARALLEL = 10  # files that are read at the same time
TRIES = 3  # readings of a file whose bytes differ from its checksums


class UnpackableError(SeqdropError):
    """Files that cannot be packed: deleted, in an archive class, under another key, or other bytes than validated.

    `uploads` are their ids. Permanent for the bundle; the archive stage finds out what becomes of each file.
    """

    def __init__(self, uploads: Sequence[str]) -> None:
        super().__init__(f"{len(uploads)} files cannot be packed, the first of upload {uploads[0]}")
        self.uploads = uploads


@dataclass(frozen=True)
class Packer:
    """Reads files of a plan with one request for each, PARALLEL at a time.

    Memory is that of the part, and of the files that are read at the moment, which are no more than the part.
    """

    s3: S3Client
    plan: Plan
    threads: ThreadPoolExecutor

    def pack(self, part: Part) -> bytearray:
        """Return the bytes of a part. Raise UnpackableError if bytes differ, or S3 does not return them."""
        body = bytearray(part.size)
        with memoryview(body) as buffer:
            fill_headers(self.plan.index, part, buffer)
            places = range(part.first, part.last)
            # One after the other in the end: an error must not leave threads that still write to the buffer.
            packed = list(self.threads.map(partial(self._place, part, buffer), places))
        if not all(packed):
            uploads = [self.plan.uploads[place] for place, done in zip(places, packed, strict=True) if not done]
            raise UnpackableError(uploads)
        return body

    def _place(self, part: Part, buffer: memoryview, place: int) -> bool:
        """Write a file to its place; return False if its bytes differ TRIES times, or S3 does not return them."""
        entry = self.plan.index.entries[place]
        for _ in range(TRIES):
            content = self._read(place)
            if content is None:
                return False
            if is_same(content, entry):
                begin = entry.offset - part.start
                buffer[begin : begin + entry.size] = content
                return True
        return False

    def _read(self, place: int) -> bytes | None:
        bucket, key, version_id = self.plan.bucket, self.plan.key_of(place), self.plan.versions[place]
        try:
            response = self.s3.get_object(Bucket=bucket, Key=key, VersionId=version_id)
        except ClientError as error:
            if is_missing(error) or is_archived(error) or is_key_refusal(error) or is_bad_request(error):
                return None
            raise
        with closing(response["Body"]) as body:
            return body.read()


def is_same(content: bytes, entry: Entry) -> bool:
    """Return True if bytes have the size, the CRC-32 and the SHA-256 of an entry of an index."""
    if len(content) != entry.size or f"{isal_zlib.crc32(content):08x}" != entry.crc32:
        return False
    return hashlib.sha256(content).hexdigest() == entry.sha256
