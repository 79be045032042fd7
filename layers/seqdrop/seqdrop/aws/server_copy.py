"""Copies that S3 makes from one bucket to another, without reading the bytes here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws import multipart
from seqdrop.aws.errors import is_conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PARALLEL_PARTS = 10  # parts that are copied at the same time: the size of a client's connection pool


class ConflictError(Exception):
    """The copy exists and is not replaced, or the source has another ETag: S3 has one error for both."""


@dataclass(frozen=True)
class Source:
    """An object version to copy, with its size in bytes.

    Without a version id it is the current version. If `etag` is not empty, S3 refuses to copy an object with another.
    """

    bucket: str
    key: str
    size: int
    etag: str = ""
    version_id: str = ""

    def as_parameters(self) -> dict[str, Any]:
        """Return the parameters of CopyObject and UploadPartCopy that name the source."""
        place = {"Bucket": self.bucket, "Key": self.key}
        version = {"VersionId": self.version_id} if self.version_id else {}
        return {"CopySource": place | version, **({"CopySourceIfMatch": self.etag} if self.etag else {})}


def copy_object(s3: S3Client, source: Source, bucket: str, key: str) -> str:
    """Copy an object, and return the ETag of the copy. S3 stores the SHA-256 of the copy, if it is up to 5 GB.

    Raise ConflictError if the source has another ETag, or if a copy exists. A copy of up to 5 GB is replaced, unless
    `s3` was changed by `protect_existing_copies`.
    """
    try:
        if multipart.needs_multipart(source.size):
            return copy_parts(s3, source, bucket, key)
        response = s3.copy_object(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256", **source.as_parameters())
    except ClientError as error:
        if is_conflict(error):
            raise ConflictError("the copy exists, or its source was replaced") from error
        raise
    return response["CopyObjectResult"]["ETag"].strip('"')


def copy_parts(s3: S3Client, source: Source, bucket: str, key: str, fields: Mapping[str, Any] | None = None) -> str:
    """Copy in parts, with a multipart upload. It becomes an object only if the key has no object yet.

    `fields` are further parameters of CreateMultipartUpload. If a crash leaves parts behind, a lifecycle rule of the
    bucket removes them. Return the ETag of the copy.
    """
    created = s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256", **(fields or {}))
    target = MultipartUpload(s3, source, bucket, key, created["UploadId"])
    threads = ThreadPoolExecutor(PARALLEL_PARTS)
    try:
        return target.complete(list(threads.map(target.copy_part, multipart.part_ranges(source.size))))
    except ClientError:
        threads.shutdown(cancel_futures=True)
        with suppress(ClientError):
            target.abort()
        raise
    finally:
        threads.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class MultipartUpload:
    """A multipart upload, with the id that S3 gave it, that copies `source`."""

    s3: S3Client
    source: Source
    bucket: str
    key: str
    id: str

    def copy_part(self, part: tuple[int, int, int]) -> CompletedPartTypeDef:
        """Copy one part, given as (number from 1, first byte, last byte)."""
        number, first, last = part
        response = self.s3.upload_part_copy(
            Bucket=self.bucket,
            Key=self.key,
            UploadId=self.id,
            PartNumber=number,
            CopySourceRange=f"bytes={first}-{last}",
            **self.source.as_parameters(),
        )
        result = response["CopyPartResult"]
        return {"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]}

    def complete(self, parts: list[CompletedPartTypeDef]) -> str:
        """Make an object from the parts, unless the key has an object; return its ETag."""
        response = self.s3.complete_multipart_upload(
            Bucket=self.bucket, Key=self.key, UploadId=self.id, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )
        return response["ETag"].strip('"')

    def abort(self) -> None:
        """Delete the parts."""
        self.s3.abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=self.id)
