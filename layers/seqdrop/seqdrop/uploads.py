"""An upload: one object version in the landing bucket, and its identity."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

ID_LENGTH = 26
UNKNOWN_PART = "00000000"  # end of a sequencer that was made from a time


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


def make_sequencer(written: datetime) -> str:
    """Return a sequencer for a version whose event is lost. It sorts correctly among S3's sequencers of its key.

    S3's sequencers begin with the time of the write: seconds since 1970 in ten hexadecimal digits. That is not
    documented, but every example in S3's documentation shows it. If it were wrong, the older of two versions might be
    kept in a slot.
    """
    return f"{int(written.timestamp()):010X}{UNKNOWN_PART}"


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
    def has_made_sequencer(self) -> bool:
        """Whether the sequencer is one of `make_sequencer`. The order within a second is then unknown."""
        return len(self.sequencer) == 10 + len(UNKNOWN_PART) and self.sequencer.endswith(UNKNOWN_PART)

    @property
    def is_folder_marker(self) -> bool:
        """Whether the object stands for a folder: consoles create an empty object whose key ends in a slash."""
        return self.key.endswith("/") and self.size == 0
