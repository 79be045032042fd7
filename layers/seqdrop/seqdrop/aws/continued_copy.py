"""A copy in parts that is continued: after a crash, and if it does not fit in one invocation, no finished part is lost.

S3 keeps the finished parts of a multipart upload until it is completed or aborted. An invocation therefore looks for
the unfinished upload of its key, and copies the parts that it does not have. This requires that a key is only ever
copied from one source; the keys of the archive bucket contain the id of the upload.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws import multipart
from seqdrop.aws.errors import is_archived, is_conflict, is_missing
from seqdrop.aws.server_copy import PARALLEL_PARTS, MultipartUpload, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

Part = tuple[int, int, int]  # number from 1, first and last byte
# A part is not started unless there is time for its copy at SLOWEST, and for what follows the copy.
SLOWEST = 20_000_000  # bytes per second of one connection
AFTERWARDS = 60  # seconds


@dataclass(frozen=True)
class ContinuedCopy:
    """The copy of `source` to a key of `bucket`.

    `make_fields` returns further parameters of CreateMultipartUpload, and `seconds_left` how long this invocation
    still has.
    """

    s3: S3Client
    source: Source
    bucket: str
    key: str
    make_fields: Callable[[], Mapping[str, Any]]
    seconds_left: Callable[[], float]

    def proceed(self) -> bool:
        """Copy the parts that are missing; return False if the time did not suffice, and True if the copy is complete.

        It becomes an object only if the key has no object yet. The finished parts are kept after an error, unless it
        means that the copy can never be completed. Several invocations may work on one upload: a part that is copied
        twice is the same part. Raise the ClientError of S3; if it is `is_ended_upload`, another invocation completed
        or aborted the upload.
        """
        upload = MultipartUpload(self.s3, self.source, self.bucket, self.key, self._find_upload() or self._create())
        try:
            parts = self._copy_parts(upload)
            if parts is not None:
                upload.complete(parts)
        except ClientError as error:
            if is_missing(error) or is_conflict(error) or is_archived(error):
                with suppress(ClientError):
                    upload.abort()
            raise
        return parts is not None

    def _find_upload(self) -> str:
        """Return the id of the unfinished upload that was begun first; "" if there is none."""
        return next(iter(find_uploads(self.s3, self.bucket, self.key)), "")

    def _create(self) -> str:
        fields = self.make_fields()
        created = self.s3.create_multipart_upload(
            Bucket=self.bucket, Key=self.key, ChecksumAlgorithm="SHA256", **fields
        )
        return created["UploadId"]

    def _copy_parts(self, upload: MultipartUpload) -> list[CompletedPartTypeDef] | None:
        """Copy the parts that an upload does not have, and return all of them; None if the time did not suffice."""
        finished = self._read_finished(upload)
        missing = [part for part in multipart.part_ranges(self.source.size) if part[0] not in finished]
        stopped = Event()  # after an error, parts in progress are finished and kept, and no others are started
        with ThreadPoolExecutor(PARALLEL_PARTS) as threads:
            copied = list(threads.map(lambda part: self._copy_unless(stopped, upload, part), missing))
        for part in copied:
            if part is None:
                return None
            finished[part["PartNumber"]] = part
        return [finished[number] for number in sorted(finished)]

    def _copy_unless(self, stopped: Event, upload: MultipartUpload, part: Part) -> CompletedPartTypeDef | None:
        """Copy a part; return None if no other may be started, or if the time does not suffice for it."""
        _, first, last = part
        if stopped.is_set() or self.seconds_left() < AFTERWARDS + (last - first) / SLOWEST:
            return None
        try:
            return upload.copy_part(part)
        except BaseException:
            stopped.set()
            raise

    def _read_finished(self, upload: MultipartUpload) -> dict[int, CompletedPartTypeDef]:
        """Return the parts that an upload has, by number. One that does not fit the plan is copied again."""
        sizes = {number: last - first + 1 for number, first, last in multipart.part_ranges(self.source.size)}
        pages = self.s3.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=self.key, UploadId=upload.id)
        return {
            part["PartNumber"]: {
                "PartNumber": part["PartNumber"],
                "ETag": part["ETag"],
                "ChecksumSHA256": part["ChecksumSHA256"],
            }
            for page in pages
            for part in page.get("Parts", [])
            if part["Size"] == sizes.get(part["PartNumber"]) and part.get("ChecksumSHA256")
        }


def find_uploads(s3: S3Client, bucket: str, key: str) -> list[str]:
    """Return the ids of the unfinished multipart uploads of a key with SHA-256, in the order in which they began."""
    return [upload_id for _, upload_id in sorted(_list_uploads(s3, bucket, key))]


def _list_uploads(s3: S3Client, bucket: str, key: str) -> Iterator[tuple[str, str]]:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key):
        for upload in page.get("Uploads", []):
            if upload["Key"] == key and upload.get("ChecksumAlgorithm", "SHA256") == "SHA256":
                yield upload["Initiated"].isoformat(), upload["UploadId"]


def abandon(s3: S3Client, bucket: str, key: str) -> None:
    """Abort the unfinished uploads of a key: its copy will never be completed."""
    for upload_id in find_uploads(s3, bucket, key):
        with suppress(ClientError):  # a lifecycle rule of the bucket removes what is left
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
