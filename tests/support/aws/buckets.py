"""The content of S3: the keys of a bucket, and the versions and delete markers of each key."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

    from tests.support.aws.restores import Restore

NULL = "null"
ARCHIVE_CLASSES = ("GLACIER", "DEEP_ARCHIVE")
SSE_C = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve "
    "the object."
)


@dataclass(frozen=True)
class Version:
    """One version of a key; a delete marker has no body."""

    key: str
    id: str
    body: bytes
    modified: datetime
    sequencer: str
    storage: str = "STANDARD"
    about: dict = field(default_factory=dict)
    sha256: bool = False  # True if the request asked S3 for that checksum
    composite: str = ""  # the composite SHA-256 of an object that was made of parts, as S3 reports it
    etag_of_parts: str = ""  # the ETag of such an object
    crc32: bool = False  # the same, of all bytes
    tier: str = ""  # the archive access tier of an object in INTELLIGENT_TIERING
    kms_key: str = ""  # ARN of the key; "" for an object that is not under SSE-KMS
    customer_key: bool = False  # True for SSE-C
    marker: bool = False
    restore: Restore | None = None

    @property
    def etag(self) -> str:
        return self.etag_of_parts or _md5(self.body)

    def check_bytes(self, usable: Container[str], now: datetime) -> None:
        """Raise RefusedError unless a caller that may use these KMS keys may read or copy the bytes now."""
        if self.customer_key:
            raise RefusedError("InvalidRequest", SSE_C, 400)
        if self.kms_key and self.kms_key not in usable:
            raise RefusedError("AccessDenied", "You are not authorized to perform: kms:Decrypt on the resource", 403)
        seconds = now.timestamp()
        is_restored = self.restore is not None and self.restore.ready <= seconds < self.restore.gone
        if (self.storage in ARCHIVE_CLASSES and not is_restored) or self.tier:
            raise RefusedError("InvalidObjectState", "The operation is not valid for the object's storage class", 403)

    def head(self, checksums: bool, now: datetime | None = None) -> dict:
        """Return the version as HeadObject does at a time."""
        fields = {
            "ContentLength": len(self.body),
            "ETag": f'"{self.etag}"',
            "LastModified": self.modified,
            **self.about,
        }
        fields.setdefault("ContentType", "binary/octet-stream")
        fields.setdefault("Metadata", {})
        if self.id != NULL:
            fields["VersionId"] = self.id
        if self.storage != "STANDARD":
            fields["StorageClass"] = self.storage
        if self.restore and now and (text := self.restore.field(now.timestamp())):
            fields["Restore"] = text
        if self.tier:
            fields["ArchiveStatus"] = self.tier
        if self.kms_key:
            fields |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key}
        if self.composite and checksums:
            fields |= {"ChecksumSHA256": self.composite, "ChecksumType": "COMPOSITE"}
        if self.sha256 and checksums:
            fields["ChecksumType"] = "FULL_OBJECT"
            fields["ChecksumSHA256"] = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
        if self.crc32 and checksums:
            fields["ChecksumCRC32"] = base64.b64encode(zlib.crc32(self.body).to_bytes(4, "big")).decode()
            fields["ChecksumType"] = "FULL_OBJECT"
        return fields


@lru_cache(maxsize=1000)
def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@dataclass
class Bucket:
    """A bucket; `versioned` says whether it keeps versions."""

    name: str
    versioned: bool
    keys: dict[str, list[Version]] = field(default_factory=dict)  # oldest version first

    def current(self, key: str) -> Version | None:
        """Return the newest version of a key; None if it is a delete marker."""
        versions = self.keys.get(key)
        return versions[-1] if versions and not versions[-1].marker else None

    def version(self, key: str, version_id: str) -> Version | None:
        return next((version for version in self.keys.get(key, []) if version.id == version_id), None)

    def add(self, version: Version) -> None:
        versions = self.keys.setdefault(version.key, [])
        if not self.versioned:
            versions.clear()
        versions.append(version)

    def remove(self, key: str, version_id: str) -> None:
        left = [version for version in self.keys.get(key, []) if version.id != version_id]
        if left:
            self.keys[key] = left
        else:
            self.keys.pop(key, None)
