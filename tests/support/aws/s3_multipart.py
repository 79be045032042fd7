"""Multipart uploads of S3 in memory, with a CRC32 of each part and of the whole; and DeleteObjects."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from datetime import datetime

MIB = 1 << 20


@dataclass
class Multipart:
    """An unfinished upload and its parts: number → bytes."""

    bucket: str
    key: str
    storage: str
    begun: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class S3Multipart:
    """The operations; a base of `S3`, which has `put`, `delete`, `_clock`, `_count` and `_bucket`.

    Only full-object CRC32 is known. `least_part` is the least size of a part that is not the last.
    """

    least_part = 5 * MIB

    def create_multipart_upload(self, request: dict, headers: dict) -> dict:
        assert (request["ChecksumAlgorithm"], request["ChecksumType"]) == ("CRC32", "FULL_OBJECT")
        identity = f"m{next(self._count):06d}"
        storage = request.get("StorageClass", "STANDARD")
        upload = Multipart(request["Bucket"], request["Key"], storage, self._clock.now)
        self._bucket(upload.bucket)
        self.multiparts[identity] = upload
        return {"Bucket": upload.bucket, "Key": upload.key, "UploadId": identity}

    def upload_part(self, request: dict, headers: dict) -> dict:
        body = bytes(request["Body"])
        if request["ChecksumCRC32"] != crc32(body):
            raise RefusedError("BadDigest", "The CRC32 you specified did not match the calculated checksum.", 400)
        self._multipart(request).parts[request["PartNumber"]] = body
        return {"ETag": _etag(body), "ChecksumCRC32": crc32(body)}

    def list_parts(self, request: dict, headers: dict) -> dict:
        parts = sorted(self._multipart(request).parts.items())
        rows = [
            {"PartNumber": number, "Size": len(body), "ETag": _etag(body), "ChecksumCRC32": crc32(body)}
            for number, body in parts
        ]
        return {"IsTruncated": False, **({"Parts": rows} if rows else {})}

    def list_multipart_uploads(self, request: dict, headers: dict) -> dict:
        rows = [
            {"Key": upload.key, "UploadId": identity, "Initiated": upload.begun}
            for identity, upload in sorted(self.multiparts.items(), key=lambda row: (row[1].key, row[0]))
            if upload.bucket == request["Bucket"] and upload.key.startswith(request.get("Prefix", ""))
        ]
        return {"IsTruncated": False, **({"Uploads": rows} if rows else {})}

    def abort_multipart_upload(self, request: dict, headers: dict) -> dict:
        self._multipart(request)
        del self.multiparts[request["UploadId"]]
        return {}

    def complete_multipart_upload(self, request: dict, headers: dict) -> dict:
        upload = self._multipart(request)
        if request.get("IfNoneMatch") == "*" and self._bucket(upload.bucket).current(upload.key):
            raise RefusedError("PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
        bodies = []
        for part in request["MultipartUpload"]["Parts"]:
            body = upload.parts.get(part["PartNumber"], b"")
            if (part["ETag"], part["ChecksumCRC32"]) != (_etag(body), crc32(body)):
                raise RefusedError("InvalidPart", "One or more of the specified parts could not be found.", 400)
            bodies.append(body)
        if any(len(body) < self.least_part for body in bodies[:-1]):
            raise RefusedError("EntityTooSmall", "Your proposed upload is smaller than the minimum size", 400)
        whole = b"".join(bodies)
        if request["ChecksumCRC32"] != crc32(whole):
            raise RefusedError("BadDigest", "The CRC32 you specified did not match the calculated checksum.", 400)
        del self.multiparts[request["UploadId"]]
        version = self.put(upload.bucket, upload.key, whole, storage=upload.storage, crc32=True)
        return {"ETag": f'"{version.etag}"', "VersionId": version.id, "ChecksumCRC32": crc32(whole)}

    def delete_objects(self, request: dict, headers: dict) -> dict:
        objects = request["Delete"]["Objects"]
        if len(objects) > 1000:
            raise RefusedError("MalformedXML", "The XML you provided was not well-formed", 400)
        for each in objects:
            self.delete(request["Bucket"], each["Key"], each.get("VersionId"))
        return {}

    def _multipart(self, request: dict) -> Multipart:
        upload = self.multiparts.get(request["UploadId"])
        if upload is None or (upload.bucket, upload.key) != (request["Bucket"], request["Key"]):
            raise RefusedError("NoSuchUpload", "The specified upload does not exist.", 404)
        return upload


def crc32(body: bytes) -> str:
    """Return the CRC32 of bytes as S3 writes it."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
