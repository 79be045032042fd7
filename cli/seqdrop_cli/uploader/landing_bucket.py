"""The landing bucket as the uploader uses it: conditional writes, parts, and checksums that S3 verifies.

The checksum is the CRC32 of the whole object: S3 can verify it for an object that came in parts, every zlib computes
it, and sequencers write it (Illumina's Manifest.tsv).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from seqdrop.aws.errors import code_of, is_conflict, is_denied, is_missing
from seqdrop.stages.duplicates import AGAIN

from seqdrop_cli.uploader.direct_writes import DirectWrites
from seqdrop_cli.uploader.records import Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.uploader.digest import Digest
    from seqdrop_cli.uploader.pacing import Pace

ALGORITHM, WHOLE = "CRC32", "FULL_OBJECT"


class TakenError(Exception):
    """A conditional write found an object under its key."""


class GoneError(Exception):
    """S3 no longer has a multipart upload: it was completed or aborted."""


@dataclass(frozen=True)
class Stored:
    """An object version in the bucket. `crc32` is base64 and of the whole object, "" if S3 has none."""

    version: str
    etag: str
    size: int = 0
    crc32: str = ""


@dataclass
class LandingBucket:
    """The requests of an uploader. Each is repeated if the connection fails; other errors are ClientErrors of S3.

    `denied` collects the operations that the credentials may not use; they are not tried twice.
    """

    s3: S3Client
    bucket: str
    pace: Pace
    again: bool = False
    denied: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._direct = DirectWrites(self.s3)

    def put(self, key: str, body: bytes, digest: Digest, *, if_absent: bool) -> Stored:
        """Write an object. Raise TakenError if there is one under the key already and `if_absent` is true."""
        self.pace.take(len(body))
        if not self.again:
            headers = {"x-amz-checksum-crc32": digest.crc32, **({"If-None-Match": "*"} if if_absent else {})}
            written = self.pace.insist(lambda: self._direct.write(key, body, digest.sha256, headers))
            if written is not None:
                return Stored(written.get("x-amz-version-id", "null"), written["etag"].strip('"'))
        with self._direct.learning(key):
            response = self._write(
                "put_object",
                Key=key,
                Body=body,
                ChecksumCRC32=digest.crc32,
                **self._metadata(),
                **_condition(if_absent),
            )
        return Stored(response.get("VersionId", "null"), response["ETag"].strip('"'))

    def find(self, key: str) -> Stored | None:
        """Return the object under a key; None if there is none, or if the credentials may not read."""
        try:
            head = self._ask("head_object", Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        if head is None:
            return None
        crc32 = head.get("ChecksumCRC32", "") if head.get("ChecksumType", WHOLE) == WHOLE else ""
        return Stored(head.get("VersionId", "null"), head["ETag"].strip('"'), head["ContentLength"], crc32)

    def begin(self, key: str) -> str:
        """Begin a multipart upload; return its id."""
        kind = {"ChecksumAlgorithm": ALGORITHM, "ChecksumType": WHOLE}
        with self._direct.learning(key):
            upload: str = self._send("create_multipart_upload", Key=key, **kind, **self._metadata())["UploadId"]
        return upload

    def put_part(self, key: str, multipart: str, number: int, body: bytes, crc32: str) -> Part:
        """Send a part. Raise GoneError if S3 no longer has the upload."""
        self.pace.take(len(body))
        written = self.pace.insist(lambda: self._direct.write_part(key, multipart, number, body, crc32))
        if written is not None:
            return Part(number, len(body), crc32, written["etag"].strip('"'))
        arguments = {"UploadId": multipart, "PartNumber": number, "Body": body, "ChecksumCRC32": crc32}
        response = self._write("upload_part", Key=key, **arguments)
        return Part(number, len(body), crc32, response["ETag"].strip('"'))

    def parts(self, key: str, multipart: str) -> dict[int, Part] | None:
        """Return the parts that S3 has; None if the credentials may not ask. Raise GoneError if the upload ended."""
        parts: dict[int, Part] = {}
        marker: Mapping[str, Any] = {}
        while True:
            page = self._ask("list_parts", Key=key, UploadId=multipart, **marker)
            if page is None:
                return None
            for part in page.get("Parts", []):
                crc32, etag = part.get("ChecksumCRC32", ""), part["ETag"].strip('"')
                parts[part["PartNumber"]] = Part(part["PartNumber"], part["Size"], crc32, etag)
            if not page.get("IsTruncated"):
                return parts
            marker = {"PartNumberMarker": page["NextPartNumberMarker"]}

    def complete(self, key: str, multipart: str, parts: Sequence[Part], crc32: str, *, if_absent: bool) -> Stored:
        """Make the parts an object, if its CRC32 is this. Raise TakenError or GoneError as `put` and `put_part` do."""
        listed = [{"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC32": part.crc32} for part in parts]
        response = self._write(
            "complete_multipart_upload",
            Key=key,
            UploadId=multipart,
            MultipartUpload={"Parts": listed},
            ChecksumCRC32=crc32,
            ChecksumType=WHOLE,
            **_condition(if_absent),
        )
        return Stored(response.get("VersionId", "null"), response["ETag"].strip('"'))

    def abort(self, key: str, multipart: str) -> None:
        """End a multipart upload and delete its parts. An upload that has ended already is no error."""
        try:
            self._ask("abort_multipart_upload", Key=key, UploadId=multipart)
        except GoneError:
            return

    def find_multipart(self, key: str) -> str:
        """Return the newest unfinished upload of a key; "" if there is none, or if the credentials may not ask."""
        page = self._ask("list_multipart_uploads", Prefix=key)
        uploads = [upload for upload in (page or {}).get("Uploads", []) if upload["Key"] == key]
        return max(uploads, key=lambda upload: upload["Initiated"])["UploadId"] if uploads else ""

    def _metadata(self) -> dict[str, Any]:
        return {"Metadata": {AGAIN: "1"}} if self.again else {}

    def _ask(self, operation: str, **arguments: object) -> Any:  # noqa: ANN401 # a response of any operation
        """Return the response of a request that is optional; None if the credentials do not permit it."""
        if operation in self.denied:
            return None
        try:
            return self._send(operation, **arguments)
        except ClientError as error:
            if not is_denied(error):
                raise
            self.denied.add(operation)
            return None

    def _write(self, operation: str, **arguments: object) -> Any:  # noqa: ANN401 # a response of any operation
        try:
            return self._send(operation, **arguments)
        except ClientError as error:
            if is_conflict(error):
                raise TakenError from error
            raise

    def _send(self, operation: str, **arguments: object) -> Any:  # noqa: ANN401 # a response of any operation
        method = getattr(self.s3, operation)
        try:
            return self.pace.insist(lambda: method(Bucket=self.bucket, **arguments))
        except ClientError as error:
            if code_of(error) == "NoSuchUpload":
                raise GoneError from error
            raise


def _condition(if_absent: bool) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if if_absent else {}
