"""An upload: one object version in the landing bucket, and its identity."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

ID_LENGTH = 26


def upload_id(bucket: str, key: str, version_id: str) -> str:
    """Return the first 26 characters of the base32 SHA-256 of bucket, key and version id (A-Z, 2-7).

    The parts are joined by NUL, which none of them can contain, so two different triples never give the same text.
    """
    digest = hashlib.sha256("\0".join((bucket, key, version_id)).encode()).digest()
    return base64.b32encode(digest).decode()[:ID_LENGTH]


class ObjectVersion(Protocol):
    """What identifies an object version. `UploadVersion` and the ledger's `Upload` satisfy this protocol."""

    @property
    def bucket(self) -> str:
        """The bucket."""

    @property
    def key(self) -> str:
        """The key in the bucket."""

    @property
    def version_id(self) -> str:
        """The version id, "null" in a bucket without versions."""


@dataclass(frozen=True)
class UploadVersion:
    """One object version as its event describes it. `version_id` is "null" in an unversioned bucket.

    `sequencer` is the hexadecimal number by which S3 orders the events of one key; to compare two, use `order`.
    """

    bucket: str
    key: str
    version_id: str
    size: int
    etag: str
    sequencer: str = ""

    @property
    def id(self) -> str:
        """The upload id."""
        return upload_id(self.bucket, self.key, self.version_id)

    @property
    def order(self) -> str:
        """The sequencer, left-padded with zeros as S3 documents, so that it can be compared as text."""
        return self.sequencer.rjust(64, "0")

    @property
    def is_folder_marker(self) -> bool:
        """Whether the object stands for a folder: consoles create an empty object whose key ends in a slash."""
        return self.key.endswith("/") and self.size == 0
