"""Multipart uploads in memory. The checksum of an object of one part is that of its bytes."""

from __future__ import annotations

import base64
import hashlib
import itertools
from dataclasses import dataclass, field

from tests.support.aws.errors import RefusedError


@dataclass
class Multipart:
    """A multipart upload that was not completed yet."""

    bucket: str
    key: str
    request: dict
    parts: dict[int, bytes] = field(default_factory=dict)


class Multiparts:
    """The part of S3 that handles multipart uploads. `uploads` has those that are neither completed nor aborted."""

    def __init__(self) -> None:
        self.uploads: dict[str, Multipart] = {}
        self._upload_ids = itertools.count(1)

    def create_multipart_upload(self, request: dict, headers: dict) -> dict:
        self._bucket(request["Bucket"])
        upload_id = f"upload-{next(self._upload_ids)}"
        self.uploads[upload_id] = Multipart(request["Bucket"], request["Key"], request)
        return {"Bucket": request["Bucket"], "Key": request["Key"], "UploadId": upload_id}

    def upload_part(self, request: dict, headers: dict) -> dict:
        upload, body = self._upload(request), bytes(request.get("Body", b""))
        digest = _sha256(body)
        if request.get("ChecksumSHA256", digest) != digest:
            raise RefusedError("BadDigest", "The SHA256 you specified did not match the calculated checksum.", 400)
        upload.parts[request["PartNumber"]] = body
        return {"ETag": _etag(body), "ChecksumSHA256": digest}

    def upload_part_copy(self, request: dict, headers: dict) -> dict:
        upload, source = self._upload(request), self._copied(request)
        body = source.body
        if "CopySourceRange" in request:
            first, last = request["CopySourceRange"].removeprefix("bytes=").split("-")
            body = body[int(first) : int(last) + 1]
        upload.parts[request["PartNumber"]] = body
        return {"CopyPartResult": {"ETag": _etag(body), "ChecksumSHA256": _sha256(body)}}

    def list_parts(self, request: dict, headers: dict) -> dict:
        parts = [
            {"PartNumber": number, "ETag": _etag(body), "Size": len(body), "ChecksumSHA256": _sha256(body)}
            for number, body in sorted(self._upload(request).parts.items())
        ]
        return {"Parts": parts, "IsTruncated": False, "UploadId": request["UploadId"]}

    def complete_multipart_upload(self, request: dict, headers: dict) -> dict:
        upload = self._upload(request)
        if request.get("IfNoneMatch") == "*" and self._bucket(upload.bucket).current(upload.key):
            raise RefusedError("PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
        parts = request["MultipartUpload"]["Parts"]
        if any(part["ETag"] != _etag(upload.parts.get(part["PartNumber"], b"?")) for part in parts):
            raise RefusedError("InvalidPart", "One or more of the specified parts could not be found.", 400)
        del self.uploads[request["UploadId"]]
        about = {name: upload.request[name] for name in ("ContentType", "Metadata") if name in upload.request}
        body = b"".join(upload.parts[part["PartNumber"]] for part in parts)
        storage = upload.request.get("StorageClass", "STANDARD")
        version = self.put(upload.bucket, upload.key, body, about=about, storage=storage)
        return {"ETag": f'"{version.etag}"', "Bucket": upload.bucket, "Key": upload.key, "VersionId": version.id}

    def abort_multipart_upload(self, request: dict, headers: dict) -> dict:
        self._upload(request)
        del self.uploads[request["UploadId"]]
        return {}

    def _upload(self, request: dict) -> Multipart:
        if request["UploadId"] not in self.uploads:
            raise RefusedError("NoSuchUpload", "The specified multipart upload does not exist.", 404)
        return self.uploads[request["UploadId"]]


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
