"""Download and upload of S3 objects with a job's role."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.job_errors import JobFailedError
from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client


class Transfer:
    """Transfers with `s3`, a client of the role; uploads are encrypted with the KMS key `key` if there is one."""

    def __init__(self, s3: S3Client, role: str, region: str, key: str | None = None) -> None:
        self.s3, self.role, self.region = s3, role, region
        self._headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def download(self, location: Location, target: Path, folder: Path) -> None:
        """Download an object to a file.

        Raise JobFailedError if it cannot be read, or if the file would be outside of `folder`.
        """
        if not target.resolve().is_relative_to(folder.resolve()):
            raise JobFailedError(f"ClientError: {location} would be written outside of its channel")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.s3.download_file(location.bucket, location.key, str(target))
        except (BotoCoreError, ClientError) as error:
            raise JobFailedError(f"ClientError: {explain(error, self.role, 's3:GetObject', location)}") from error

    def upload(self, path: Path, uri: str, name: str) -> None:
        """Upload a file to `name` below an S3 URI; raise JobFailedError if it cannot be written."""
        prefix = Location.parse(uri)
        location = Location(prefix.bucket, f"{prefix.key.rstrip('/')}/{name}".lstrip("/"))
        try:
            self.s3.upload_file(str(path), location.bucket, location.key, ExtraArgs=self._headers)
        except Exception as error:  # upload_file wraps the error of S3 in an exception of its own
            cause = error.__context__ if isinstance(error.__context__, ClientError) else error
            raise JobFailedError(f"ClientError: {explain(cause, self.role, 's3:PutObject', location)}") from error

    def upload_folder(self, folder: Path, uri: str, name: str) -> None:
        """Upload the content of a folder as one .tar.gz; an empty folder is not uploaded."""
        if not any(folder.iterdir()):
            return
        packed = folder.parent / name
        with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, arcname=path.name)
        self.upload(packed, uri, name)
        packed.unlink()
