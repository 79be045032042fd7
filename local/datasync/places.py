"""The ends of a transfer: a prefix of a bucket, with a role, and a folder of this machine in the place of a share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from botocore.client import BaseClient


@dataclass(frozen=True)
class File:
    """A file of a source; `path` is relative and has no slash in front. `modified` is in seconds since 1970."""

    path: str
    size: int
    modified: float


class Source(Protocol):
    """Where files come from."""

    def list(self) -> Iterator[File]:
        """Yield all files."""

    def open(self, path: str, version: str) -> tuple[BinaryIO, dict[str, str]]:
        """Return the content of a file, and the user metadata that its copy gets."""


@dataclass(frozen=True)
class Share:
    """A folder of this machine that is used as an NFS or SMB share."""

    folder: Path

    def list(self) -> Iterator[File]:
        """Yield the files of the folder; links are not followed."""
        for parent, folders, names in os.walk(self.folder):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                if path.is_file() and not path.is_symlink():
                    status = path.stat()
                    yield File(path.relative_to(self.folder).as_posix(), status.st_size, status.st_mtime)

    def open(self, path: str, version: str) -> tuple[BinaryIO, dict[str, str]]:  # noqa: ARG002 - shares have no versions
        """Return the content of a file, and its POSIX metadata as DataSync writes it to objects."""
        status = (self.folder / path).stat()
        metadata = {
            "file-permissions": f"0{status.st_mode & 0o777:o}",
            "file-owner": str(status.st_uid),
            "file-group": str(status.st_gid),
            "file-mtime": f"{status.st_mtime_ns}ns",
            "file-atime": f"{status.st_atime_ns}ns",
        }
        return (self.folder / path).open("rb"), metadata


@dataclass(frozen=True)
class Prefix:
    """A prefix of a bucket, read and written with the keys of a role. `prefix` is empty or ends in a slash."""

    s3: BaseClient
    bucket: str
    prefix: str

    def list(self) -> Iterator[File]:
        """Yield the objects below the prefix."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix):
            for item in page.get("Contents", []):
                path = item["Key"].removeprefix(self.prefix)
                if path and not path.endswith("/"):
                    yield File(path, item["Size"], item["LastModified"].timestamp())

    def find(self, path: str) -> File | None:
        """Return an object; None if there is none."""
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=self.prefix + path)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return File(path, head["ContentLength"], head["LastModified"].timestamp())

    def open(self, path: str, version: str = "") -> tuple[BinaryIO, dict[str, str]]:
        """Return the content of an object, and its user metadata."""
        more = {"VersionId": version} if version else {}
        response = self.s3.get_object(Bucket=self.bucket, Key=self.prefix + path, **more)
        return response["Body"], response.get("Metadata", {})

    def write(self, path: str, body: BinaryIO, metadata: dict[str, str], storage_class: str) -> None:
        """Write an object; a large one has parts."""
        more = {"Metadata": metadata, "StorageClass": storage_class}
        self.s3.upload_fileobj(body, self.bucket, self.prefix + path, ExtraArgs=more)

    def delete(self, path: str) -> None:
        """Delete an object."""
        self.s3.delete_object(Bucket=self.bucket, Key=self.prefix + path)
