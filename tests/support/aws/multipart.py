"""Multipart uploads of S3 in memory: with a composite SHA-256, or with a CRC32 of each part and of the whole."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from datetime import datetime

NAMES = ("ContentType", "Metadata", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")


@dataclass(frozen=True)
class Unfinished:
    """A multipart upload that was neither completed nor aborted; `parts` are the bytes of each, by number."""

    id: str
    bucket: str
    key: str
    storage: str
    about: dict
    initiated: datetime
    algorithm: str = "SHA256"  # or CRC32
    parts: dict[int, bytes] = field(default_factory=dict)


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def crc32(body: bytes) -> str:
    """Return the CRC32 of bytes as S3 writes it."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


CHECKSUMS = {"SHA256": _sha256, "CRC32": crc32}
TYPES = {"SHA256": "COMPOSITE", "CRC32": "FULL_OBJECT"}
MIB = 1 << 20


def composite(parts: list[bytes]) -> str:
    """Return the checksum that S3 stores with an object of these parts."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"{_sha256(digests)}-{len(parts)}"


class Multiparts:
    """The operations of multipart uploads, for the class S3.

    `least_part` is the least size of an uploaded part that is not the last.
    """

    unfinished: dict[str, Unfinished]
    least_part = 5 * MIB

    def create_multipart_upload(self, request: dict, headers: dict) -> dict:
        self._bucket(request["Bucket"])
        algorithm = request.get("ChecksumAlgorithm", "SHA256")
        assert request.get("ChecksumType", TYPES[algorithm]) == TYPES[algorithm]
        upload = Unfinished(
            f"upload-{next(self._count):06d}",
            request["Bucket"],
            request["Key"],
            request.get("StorageClass", "STANDARD"),
            {name: request[name] for name in NAMES if name in request},
            self._clock.now,
            algorithm,
        )
        self.unfinished[upload.id] = upload
        return {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id}

    def upload_part_copy(self, request: dict, headers: dict) -> dict:
        upload, body = self._upload(request), self.source_of(request).body
        if "CopySourceRange" in request:
            first, _, last = request["CopySourceRange"].removeprefix("bytes=").partition("-")
            body = body[int(first) : int(last) + 1]
        upload.parts[request["PartNumber"]] = body
        return {"CopyPartResult": {"ETag": f'"{_etag(body)}"', "ChecksumSHA256": _sha256(body)}}

    def upload_part(self, request: dict, headers: dict) -> dict:
        upload, body = self._upload(request), bytes(request.get("Body", b""))
        name, checksum = f"Checksum{upload.algorithm}", CHECKSUMS[upload.algorithm](body)
        if request.get(name, checksum) != checksum:
            raise RefusedError("BadDigest", "The checksum you specified did not match the calculated checksum.", 400)
        upload.parts[request["PartNumber"]] = body
        return {"ETag": f'"{_etag(body)}"', name: checksum}

    def list_parts(self, request: dict, headers: dict) -> dict:
        upload, after = self._upload(request), int(request.get("PartNumberMarker") or 0)
        numbers = sorted(number for number in upload.parts if number > after)
        page = {"IsTruncated": len(numbers) > self.page, "Parts": []}
        for number in numbers[: self.page]:
            body = upload.parts[number]
            checksum = {f"Checksum{upload.algorithm}": CHECKSUMS[upload.algorithm](body)}
            part = {"PartNumber": number, "ETag": f'"{_etag(body)}"', "Size": len(body), **checksum}
            page["Parts"].append(part)
        if page["IsTruncated"]:
            page["NextPartNumberMarker"] = numbers[self.page - 1]
        return page

    def list_multipart_uploads(self, request: dict, headers: dict) -> dict:
        prefix = request.get("Prefix", "")
        uploads = sorted(
            (upload.key, upload.id)
            for upload in self.unfinished.values()
            if upload.bucket == request["Bucket"] and upload.key.startswith(prefix)
        )
        entries = [self.unfinished[upload_id] for _, upload_id in uploads]
        return {
            "IsTruncated": False,
            "Uploads": [
                {"Key": entry.key, "UploadId": entry.id, "Initiated": entry.initiated, "StorageClass": entry.storage}
                | {"ChecksumAlgorithm": entry.algorithm, "ChecksumType": TYPES[entry.algorithm]}
                for entry in entries
            ],
        }

    def complete_multipart_upload(self, request: dict, headers: dict) -> dict:
        upload = self._upload(request)
        if request.get("IfNoneMatch") == "*" and self._bucket(upload.bucket).current(upload.key):
            raise RefusedError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
        wanted = request["MultipartUpload"]["Parts"]
        if any(part["PartNumber"] not in upload.parts for part in wanted):
            raise RefusedError("InvalidPart", "One or more of the specified parts could not be found.", 400)
        parts = [upload.parts[part["PartNumber"]] for part in wanted]
        for part, body in zip(wanted, parts, strict=True):
            if part["ETag"].strip('"') != _etag(body):
                raise RefusedError("InvalidPart", "One or more of the specified parts could not be found.", 400)
            if upload.algorithm == "CRC32" and part["ChecksumCRC32"] != crc32(body):
                raise RefusedError("InvalidPart", "One or more of the specified parts could not be found.", 400)
        checksums = self._complete(request, upload, parts)
        del self.unfinished[upload.id]
        version = self.put(
            upload.bucket, upload.key, b"".join(parts), storage=upload.storage, about=upload.about,
            etag_of_parts=_etag_of(parts), **checksums,
        )  # fmt: skip
        return {"ETag": f'"{version.etag}"', "Key": upload.key, "VersionId": version.id}

    def _complete(self, request: dict, upload: Unfinished, parts: list[bytes]) -> dict:
        """Return the checksum that is stored with the object, as a parameter of `put`."""
        if upload.algorithm == "SHA256":
            return {"composite": composite(parts)}
        if any(len(body) < self.least_part for body in parts[:-1]):
            raise RefusedError("EntityTooSmall", "Your proposed upload is smaller than the minimum size", 400)
        if request["ChecksumCRC32"] != crc32(b"".join(parts)):
            raise RefusedError("BadDigest", "The CRC32 you specified did not match the calculated checksum.", 400)
        return {"crc32": True}

    def delete_objects(self, request: dict, headers: dict) -> dict:
        objects = request["Delete"]["Objects"]
        if len(objects) > 1000:
            raise RefusedError("MalformedXML", "The XML you provided was not well-formed", 400)
        for each in objects:
            self.delete(request["Bucket"], each["Key"], each.get("VersionId"))
        return {}

    def abort_multipart_upload(self, request: dict, headers: dict) -> dict:
        del self.unfinished[self._upload(request).id]
        return {}

    def _upload(self, request: dict) -> Unfinished:
        upload = self.unfinished.get(request["UploadId"])
        if upload is None or (upload.bucket, upload.key) != (request["Bucket"], request["Key"]):
            raise RefusedError("NoSuchUpload", "The specified multipart upload does not exist.", 404)
        return upload

    def copy_unfinished(self) -> dict[str, Unfinished]:
        """Return a copy of the uploads, for a snapshot."""
        return {name: replace(upload, parts=dict(upload.parts)) for name, upload in self.unfinished.items()}


def _etag_of(parts: list[bytes]) -> str:
    digests = b"".join(bytes.fromhex(_etag(part)) for part in parts)
    return f"{_etag(digests)}-{len(parts)}"


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
