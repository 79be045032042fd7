"""What S3 keeps: a bucket's keys, and of each its versions and delete markers."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

NULL = "null"


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
    sha256: bool = False  # whether S3 was asked for that checksum
    marker: bool = False

    @property
    def etag(self) -> str:
        return _md5(self.body)

    def head(self, checksums: bool) -> dict:
        told = {"ContentLength": len(self.body), "ETag": f'"{self.etag}"', "LastModified": self.modified, **self.about}
        told.setdefault("ContentType", "binary/octet-stream")
        told.setdefault("Metadata", {})
        if self.id != NULL:
            told["VersionId"] = self.id
        if self.storage != "STANDARD":
            told["StorageClass"] = self.storage
        if self.sha256 and checksums:
            told["ChecksumSHA256"] = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
        return told


@lru_cache(maxsize=1000)
def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@dataclass
class Bucket:
    name: str
    versioned: bool
    keys: dict[str, list[Version]] = field(default_factory=dict)  # oldest version first

    def current(self, key: str) -> Version | None:
        found = self.keys.get(key)
        return found[-1] if found and not found[-1].marker else None

    def version(self, key: str, version_id: str) -> Version | None:
        return next((one for one in self.keys.get(key, []) if one.id == version_id), None)

    def add(self, version: Version) -> None:
        held = self.keys.setdefault(version.key, [])
        if not self.versioned:
            held.clear()
        held.append(version)

    def remove(self, key: str, version_id: str) -> None:
        left = [one for one in self.keys.get(key, []) if one.id != version_id]
        if left:
            self.keys[key] = left
        else:
            self.keys.pop(key, None)
