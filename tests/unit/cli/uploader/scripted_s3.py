"""An S3 client whose bucket is in memory: conditional writes, multipart uploads, checksums that are verified.

The lives of `tests/faults/uploader` make the same requests to the embedded AWS.
"""

from __future__ import annotations

import base64
import itertools
import threading
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.exceptions import ClientError


def refusal(operation: str, code: str, status: int = 400) -> ClientError:
    error = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error, operation)


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


@dataclass
class ScriptedS3:
    """`before` and `after` are called with the name of each operation and its arguments, and may raise."""

    before: object = lambda operation, arguments: None
    after: object = lambda operation, arguments: None
    versions: dict[str, list[dict]] = field(default_factory=dict)
    uploads: dict[str, dict] = field(default_factory=dict)
    completed: dict[str, dict] = field(default_factory=dict)
    calls: list[tuple[str, dict]] = field(default_factory=list)

    def __post_init__(self):
        self._numbers, self._lock = itertools.count(1), threading.RLock()

    def __getattr__(self, operation: str):
        if operation.startswith("_"):
            raise AttributeError(operation)

        def call(**arguments) -> dict:
            with self._lock:
                self.calls.append((operation, arguments))
            self.before(operation, arguments)
            with self._lock:
                response = getattr(self, f"_{operation}")(**arguments)
            self.after(operation, arguments)
            return response

        return call

    @property
    def count(self) -> Counter[str]:
        return Counter(operation for operation, _ in self.calls)

    def bodies(self, key: str) -> list[bytes]:
        return [version["body"] for version in self.versions.get(key, [])]

    def order(self) -> list[str]:
        """Return the keys in the order in which their newest version was made."""
        return sorted(self.versions, key=lambda key: self.versions[key][-1]["number"])

    def _add(self, key: str, body: bytes, metadata: dict) -> dict:
        number = next(self._numbers)
        version = {"VersionId": f"v{number}", "ETag": f'"e{number}"', "body": body, "number": number, "meta": metadata}
        self.versions.setdefault(key, []).append(version)
        return {"VersionId": version["VersionId"], "ETag": version["ETag"]}

    def _require(self, operation: str, key: str, condition: str | None) -> None:
        if condition == "*" and key in self.versions:
            raise refusal(operation, "PreconditionFailed", 412)

    def _put_object(self, Bucket, Key, Body, ChecksumCRC32, Metadata=None, IfNoneMatch=None):
        if crc32(Body) != ChecksumCRC32:
            raise refusal("PutObject", "BadDigest")
        self._require("PutObject", Key, IfNoneMatch)
        return self._add(Key, Body, Metadata or {})

    def _head_object(self, Bucket, Key, ChecksumMode):
        if Key not in self.versions:
            raise refusal("HeadObject", "404", 404)
        version = self.versions[Key][-1]
        whole = {"ChecksumCRC32": crc32(version["body"]), "ChecksumType": "FULL_OBJECT"}
        return {**version, **whole, "ContentLength": len(version["body"])}

    def _create_multipart_upload(self, Bucket, Key, ChecksumAlgorithm, ChecksumType, Metadata=None):
        assert (ChecksumAlgorithm, ChecksumType) == ("CRC32", "FULL_OBJECT")
        name = f"u{next(self._numbers)}"
        self.uploads[name] = {"Key": Key, "parts": {}, "meta": Metadata or {}, "Initiated": datetime.now(UTC)}
        return {"UploadId": name}

    def _find(self, operation: str, name: str) -> dict:
        if name not in self.uploads:
            raise refusal(operation, "NoSuchUpload", 404)
        return self.uploads[name]

    def _upload_part(self, Bucket, Key, UploadId, PartNumber, Body, ChecksumCRC32):
        if crc32(Body) != ChecksumCRC32:
            raise refusal("UploadPart", "BadDigest")
        self._find("UploadPart", UploadId)["parts"][PartNumber] = Body
        return {"ETag": f'"p{PartNumber}"'}

    def _list_parts(self, Bucket, Key, UploadId, PartNumberMarker=0):
        parts = self._find("ListParts", UploadId)["parts"]
        numbers = sorted(number for number in parts if number > PartNumberMarker)
        page = [
            {"PartNumber": n, "Size": len(parts[n]), "ETag": f'"p{n}"', "ChecksumCRC32": crc32(parts[n])}
            for n in numbers[:2]  # pages are short, so that there are several
        ]
        last = page[-1]["PartNumber"] if page else 0
        return {"Parts": page, "IsTruncated": len(numbers) > 2, "NextPartNumberMarker": last}

    def _list_multipart_uploads(self, Bucket, Prefix):
        uploads = [{"UploadId": name, **upload} for name, upload in self.uploads.items()]
        return {"Uploads": [upload for upload in uploads if upload["Key"].startswith(Prefix)]}

    def _complete_multipart_upload(
        self,
        Bucket,
        Key,
        UploadId,
        MultipartUpload,
        ChecksumCRC32,
        ChecksumType,
        IfNoneMatch=None,
    ):
        if UploadId in self.completed:
            return self.completed[UploadId]
        upload = self._find("CompleteMultipartUpload", UploadId)
        self._require("CompleteMultipartUpload", Key, IfNoneMatch)
        body = b"".join(upload["parts"][part["PartNumber"]] for part in MultipartUpload["Parts"])
        if crc32(body) != ChecksumCRC32:
            raise refusal("CompleteMultipartUpload", "BadDigest")
        del self.uploads[UploadId]
        self.completed[UploadId] = self._add(Key, body, upload["meta"])
        return self.completed[UploadId]

    def _abort_multipart_upload(self, Bucket, Key, UploadId):
        self._find("AbortMultipartUpload", UploadId)
        del self.uploads[UploadId]
        return {}
