"""The files of Iceberg tables in S3, read and written with the permissions of a role."""

from __future__ import annotations

import io
from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, OutputFile
from seqdrop.aws.errors import code_of

from local.sagemaker.storage import ABSENT, Location

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.client import BaseClient


class S3Files(FileIO):
    """pyiceberg's access to files through a boto3 client, which also encrypts them with a key of KMS, if there is one.

    pyiceberg's own access to S3 sets no headers, so it could not name a key.
    """

    def __init__(self, s3: BaseClient, key: str = "") -> None:
        super().__init__()
        self._s3 = s3
        self._headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def new_input(self, location: str) -> S3Object:
        """Return a file to read."""
        return S3Object(location, self._s3, self._headers)

    def new_output(self, location: str) -> S3Object:
        """Return a file to write."""
        return S3Object(location, self._s3, self._headers)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file."""
        place = Location.parse(location if isinstance(location, str) else location.location)
        self._s3.delete_object(Bucket=place.bucket, Key=place.key)


class S3Object(InputFile, OutputFile):
    """One file, whole in memory while it is read or written."""

    def __init__(self, location: str, s3: BaseClient, headers: dict[str, str]) -> None:
        super().__init__(location)
        self._place, self._s3, self._headers = Location.parse(location), s3, headers
        self._written: int | None = None

    def __len__(self) -> int:
        """Return the size in bytes; of a file that was written here, without a request that the role may not make."""
        if self._written is not None:
            return self._written
        return self._s3.head_object(Bucket=self._place.bucket, Key=self._place.key)["ContentLength"]

    def exists(self) -> bool:
        """Return whether there is such an object."""
        try:
            len(self)
        except ClientError as error:
            if code_of(error) in ABSENT:
                return False
            raise
        return True

    def open(self, seekable: bool = True) -> io.BytesIO:  # noqa: ARG002 - pyiceberg's signature
        """Return the content."""
        response = self._s3.get_object(Bucket=self._place.bucket, Key=self._place.key)
        with closing(response["Body"]) as body:
            return io.BytesIO(body.read())

    def to_input_file(self) -> S3Object:
        """Return the file itself."""
        return self

    def create(self, overwrite: bool = False) -> Upload:  # noqa: ARG002 - names of files are unique
        """Return a stream whose content becomes the object when it is closed."""
        return Upload(self._put)

    def _put(self, content: bytes) -> None:
        self._s3.put_object(Bucket=self._place.bucket, Key=self._place.key, Body=content, **self._headers)
        self._written = len(content)


class Upload(io.BytesIO):
    """A stream that calls `put` with its content when it is closed, unless an exception ended its block."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__()
        self._put = put

    def close(self) -> None:
        """Write the object."""
        if not self.closed:
            content = self.getvalue()
            super().close()
            self._put(content)

    def __exit__(self, kind: object, *arguments: object) -> None:
        """Write the object, unless there is an exception."""
        if kind is not None:
            super().close()
            return
        self.close()
