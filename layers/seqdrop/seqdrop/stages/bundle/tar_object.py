"""The tar of a bundle in the archive bucket: one multipart upload, which any invocation continues.

S3 has the state: the unfinished upload of the key, its parts and their CRC32. What was sent is not sent again. S3
compares each part with its CRC32, and the whole with a CRC32 of all bytes. A SHA-256 of the tar cannot be continued in
another invocation; its index, with the SHA-256 of each file, determines every byte of the tar.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from isal import isal_zlib

from seqdrop.aws.crc32 import combine_crc32, decode_crc32, encode_crc32
from seqdrop.aws.errors import is_conflict, is_ended_upload, is_missing
from seqdrop.errors import ArchiveMismatchError, RetryableError
from seqdrop.stages.bundle.packing import PARALLEL, Packer

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3.client import S3Client

    from seqdrop.runs.bundle_layout import Part
    from seqdrop.stages.bundle.plan import Plan

ALGORITHM: Any = "CRC32"
WHOLE: Any = "FULL_OBJECT"


@dataclass(frozen=True)
class Tar:
    """The complete tar of a bundle: its version id in the archive bucket, and the CRC32 that S3 computed of it."""

    version_id: str | None
    crc32: int


@dataclass(frozen=True)
class SentPart:
    """A part that S3 has."""

    number: int
    size: int
    etag: str
    crc32: int


@dataclass(frozen=True)
class TarObject:
    """The tar of a plan in the archive bucket."""

    s3: S3Client
    bucket: str
    plan: Plan

    def find(self) -> Tar | None:
        """Return the complete tar; None if there is none.

        Raise ArchiveMismatchError if its size or class differ from the plan's, or it has no CRC32 of all its bytes.
        """
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=self.plan.key, ChecksumMode="ENABLED")
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        actual = (head["ContentLength"], head.get("StorageClass", "STANDARD"), head.get("ChecksumType"))
        wanted = (self.plan.size, self.plan.storage_class, WHOLE)
        if actual != wanted or "ChecksumCRC32" not in head:
            raise ArchiveMismatchError(f"size, class and checksum of bundle {self.plan.id}: {actual}, not {wanted}")
        return Tar(head.get("VersionId"), decode_crc32(head["ChecksumCRC32"]))

    def send(self, check_time: Callable[[], None]) -> Tar:
        """Send the parts that S3 does not have yet, and return the complete tar.

        `check_time` is called before each part, and raises if the invocation must end. The error of a part that cannot
        be packed is raised as it is (UnpackableError).
        """
        multipart = self._find_multipart() or self._begin()
        sent = self._list_parts(multipart)
        with ThreadPoolExecutor(PARALLEL) as threads, ThreadPoolExecutor(1) as sender:
            packer = Packer(self.s3, self.plan, threads)
            pending: Future[SentPart] | None = None
            for part in self.plan.parts:
                if part.number in sent and sent[part.number].size == part.size:
                    continue
                check_time()
                body = packer.pack(part)  # while the part before is on its way
                _take(sent, pending)
                pending = sender.submit(self._send_part, multipart, part, body)
            _take(sent, pending)
        return self._complete(multipart, [sent[part.number] for part in self.plan.parts])

    def abort(self) -> None:
        """Delete the parts of an unfinished upload, if there is one."""
        if multipart := self._find_multipart():
            try:
                self.s3.abort_multipart_upload(Bucket=self.bucket, Key=self.plan.key, UploadId=multipart)
            except ClientError as error:
                if not is_ended_upload(error):
                    raise

    def _find_multipart(self) -> str:
        """Return the oldest unfinished upload of the key, so that two invocations continue the same; "" without one."""
        response = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=self.plan.key)
        uploads = [upload for upload in response.get("Uploads", []) if upload["Key"] == self.plan.key]
        return min(((upload["Initiated"], upload["UploadId"]) for upload in uploads), default=("", ""))[1]

    def _begin(self) -> str:
        response = self.s3.create_multipart_upload(
            Bucket=self.bucket,
            Key=self.plan.key,
            StorageClass=self.plan.storage_class,  # type: ignore[arg-type]
            ContentType="application/x-tar",
            ChecksumAlgorithm=ALGORITHM,
            ChecksumType=WHOLE,
        )
        return response["UploadId"]

    def _list_parts(self, multipart: str) -> dict[int, SentPart]:
        """Return the parts that S3 has; a bundle has far fewer than the thousand of one response."""
        try:
            response = self.s3.list_parts(Bucket=self.bucket, Key=self.plan.key, UploadId=multipart)
        except ClientError as error:
            raise _explain(error) from error
        return {
            part["PartNumber"]: SentPart(
                part["PartNumber"], part["Size"], part["ETag"], decode_crc32(part["ChecksumCRC32"])
            )
            for part in response.get("Parts", [])
        }

    def _send_part(self, multipart: str, part: Part, body: bytearray) -> SentPart:
        crc32 = isal_zlib.crc32(body)
        try:
            response = self.s3.upload_part(
                Bucket=self.bucket,
                Key=self.plan.key,
                UploadId=multipart,
                PartNumber=part.number,
                Body=body,  # type: ignore[arg-type]  # botocore sends it as it is, without a copy
                ChecksumCRC32=encode_crc32(crc32),
            )
        except ClientError as error:
            raise _explain(error) from error
        return SentPart(part.number, part.size, response["ETag"], crc32)

    def _complete(self, multipart: str, parts: list[SentPart]) -> Tar:
        crc32 = 0
        for part in parts:
            crc32 = combine_crc32(crc32, part.crc32, part.size)
        try:
            self.s3.complete_multipart_upload(
                Bucket=self.bucket,
                Key=self.plan.key,
                UploadId=multipart,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC32": encode_crc32(part.crc32)}
                        for part in parts
                    ]
                },
                ChecksumCRC32=encode_crc32(crc32),
                ChecksumType=WHOLE,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if not is_conflict(error) and not is_ended_upload(error):
                raise
        tar = self.find()  # also after another invocation was first: its parts had the same bytes
        if tar is None:
            raise RetryableError(f"the multipart upload of bundle {self.plan.id} ended; it is made again")
        if tar.crc32 != crc32:
            raise ArchiveMismatchError(
                f"the CRC32 of bundle {self.plan.id} is {tar.crc32:08x}, and should be {crc32:08x}"
            )
        return tar


def _take(sent: dict[int, SentPart], pending: Future[SentPart] | None) -> None:
    """Wait for the part that is on its way, so that no more than two are in memory."""
    if pending:
        part = pending.result()
        sent[part.number] = part


def _explain(error: ClientError) -> Exception:
    """Return the error to raise for a failed request about parts."""
    return RetryableError("another invocation ended the multipart upload") if is_ended_upload(error) else error
