"""The plan of a restore: every file that a person asked for, and the archive object that has its bytes.

A plan is written once, as lines of JSON, before the request is recorded, and never changed. Files are sorted by object,
so that ten files of one bundle are one object.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NotRequired, TypedDict

from seqdrop.archive.location import locate
from seqdrop.archive.storage_classes import storage_class
from seqdrop.uploads import upload_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.archive.receipt import Receipt


class VersionParameters(TypedDict):
    """The parameters of S3's operations that name an object version."""

    Bucket: str
    Key: str
    VersionId: NotRequired[str]


@dataclass(frozen=True)
class PlannedObject:
    """An object version of the archive bucket. `size` is in bytes."""

    bucket: str
    key: str
    version_id: str
    storage_class: str
    size: int

    @property
    def id(self) -> str:
        """The id of its ledger record."""
        return upload_id(self.bucket, self.key, self.version_id)

    @property
    def needs_restore(self) -> bool:
        """Whether it must be restored before it can be read."""
        return storage_class(self.storage_class).needs_restore

    @property
    def version(self) -> VersionParameters:
        """The parameters of S3 that name the version."""
        place: VersionParameters = {"Bucket": self.bucket, "Key": self.key}
        if self.version_id:
            place["VersionId"] = self.version_id
        return place


@dataclass(frozen=True)
class PlannedFile:
    """A file: the upload with the landing key `key`, as `size` bytes from `offset` of an object.

    `sha256` is that of the file, hexadecimal. `format` is that of its receipt. `is_bundled` says whether the object is
    a tar that has other files as well.
    """

    upload: str
    key: str
    format: str
    size: int
    sha256: str
    offset: int
    is_bundled: bool
    object: PlannedObject

    @property
    def range(self) -> str:
        """The Range header for its bytes; "" for a whole object."""
        return f"bytes={self.offset}-{self.offset + self.size - 1}" if self.is_bundled and self.size else ""

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> PlannedFile:
        """Return the file of a receipt."""
        place, landing = locate(receipt), receipt["landing"]
        return cls(
            upload=receipt["upload"],
            key=landing["key"],
            format=landing["format"],
            size=place.size,
            sha256=place.sha256,
            offset=place.offset,
            is_bundled=place.is_bundled,
            object=PlannedObject(place.bucket, place.key, place.version_id, place.storage_class, place.object_size),
        )


@dataclass(frozen=True)
class Plan:
    """The files of a request, sorted by object and offset."""

    files: tuple[PlannedFile, ...]

    @classmethod
    def of(cls, files: Iterable[PlannedFile]) -> Plan:
        """Return the plan of some files, each once."""
        unique = {file.upload: file for file in files}.values()
        return cls(tuple(sorted(unique, key=lambda file: (file.object.key, file.object.version_id, file.offset))))

    @cached_property
    def objects(self) -> tuple[PlannedObject, ...]:
        """The objects that have the files, each once, in the order of the files."""
        return tuple(dict.fromkeys(file.object for file in self.files))

    @property
    def size(self) -> int:
        """The bytes of the objects, which a restore bills."""
        return sum(item.size for item in self.objects)

    def body(self) -> bytes:
        """Return the plan as it is stored: a line of JSON for each file."""
        return "".join(json.dumps(asdict(file)) + "\n" for file in self.files).encode()

    @classmethod
    def read(cls, body: bytes) -> Plan:
        """Return the plan that `body` wrote."""
        rows = (json.loads(line) for line in body.decode().split("\n") if line)
        return cls(tuple(PlannedFile(**{**row, "object": PlannedObject(**row["object"])}) for row in rows))
