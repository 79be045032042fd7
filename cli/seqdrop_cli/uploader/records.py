"""What the state file and the transfer exchange: files, parts, and what S3 has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Item:
    """A file and the key under which it will land. `group` is the run folder of the key, or "" outside a run.

    `is_last` says that the file tells the pipeline that the others of its folder are there. `size` is that of the plan.
    """

    path: str
    key: str
    size: int
    group: str = ""
    is_last: bool = False


@dataclass(frozen=True)
class Identity:
    """What tells whether a file has changed: its path, size in bytes, time of change in nanoseconds, and inode."""

    path: str
    size: int
    modified: int
    inode: int

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> Identity:
        """Return the identity of a file with this status."""
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ino)


@dataclass(frozen=True)
class Part:
    """A part of a multipart upload that S3 has. `crc32` is base64, as S3 writes it."""

    number: int
    size: int
    crc32: str
    etag: str


@dataclass(frozen=True)
class Sent:
    """A file that S3 has: the object version, the base64 CRC32 and the hexadecimal SHA-256 of its bytes.

    `was_there` says that S3 had the same bytes before, so nothing was sent.
    """

    version: str
    etag: str
    crc32: str
    sha256: str
    was_there: bool = False


@dataclass(frozen=True)
class Claim:
    """The outcome of a claim: the file is `sent` already, or `is_busy` in another process, or is now our own to send.

    `is_retry` says that an earlier process began to send these bytes and did not record an end. `has_changed` says that
    other bytes were sent under this key before.
    """

    sent: Sent | None = None
    is_busy: bool = False
    is_retry: bool = False
    has_changed: bool = False
    multipart: str = ""
    part_size: int = 0
    parts: Mapping[int, Part] = field(default_factory=dict)
    abandoned: str = ""
