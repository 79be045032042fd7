"""Where the bytes of an archived file are: an object of the archive bucket, or a range of a bundle in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import DEEP_ARCHIVE

if TYPE_CHECKING:
    from seqdrop.archive.receipt import Receipt


@dataclass(frozen=True)
class Location:
    """An object version of the archive bucket, and the bytes `offset` to `offset + size` of it, which are the file.

    `object_size` is the size of the whole object, which is what a restore is billed for.
    """

    bucket: str
    key: str
    version_id: str  # "" if the bucket has no versions
    storage_class: str
    object_size: int
    offset: int
    size: int
    sha256: str  # of the file, hexadecimal; "" if it was copied in parts and its receipt has no other

    @property
    def is_bundled(self) -> bool:
        """Whether the file is a part of a bundle."""
        return self.offset > 0  # a bundle begins with the header of its first file

    @property
    def range(self) -> str:
        """The Range header for the bytes of the file; "" for a whole object, or if there are no bytes to ask for."""
        return f"bytes={self.offset}-{self.offset + self.size - 1}" if self.is_bundled and self.size else ""


def locate(receipt: Receipt) -> Location:
    """Return where the bytes of the file of a receipt are."""
    copy, landing = receipt["archive"], receipt["landing"]
    bundle = copy.get("bundle")
    return Location(
        bucket=copy["bucket"],
        key=copy["key"],
        version_id=copy["version_id"] or "",
        storage_class=copy.get("storage_class", DEEP_ARCHIVE),
        object_size=bundle["size"] if bundle else copy["size"],
        offset=bundle["offset"] if bundle else 0,
        size=copy["size"],
        sha256=landing["sha256"],
    )
