"""Objects of S3 to files and back, as a job's role."""

import tarfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.ends import JobFailedError
from local.sagemaker.storage import Location, refusal


class Transfer:
    """`s3` is a client of the role; `headers` go with each upload."""

    def __init__(self, s3, role: str, region: str, key: str | None = None):
        self.s3, self.role, self.region = s3, role, region
        self._headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def download(self, location: Location, target: Path, folder: Path) -> None:
        """JobFailedError if it cannot be read, or would lie outside of the folder."""
        if not target.resolve().is_relative_to(folder.resolve()):
            raise JobFailedError(f"ClientError: {location} would lie outside of its channel")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.s3.download_file(location.bucket, location.key, str(target))
        except (BotoCoreError, ClientError) as error:
            raise JobFailedError(f"ClientError: {refusal(error, self.role, 's3:GetObject', location)}") from error

    def upload(self, path: Path, uri: str, name: str) -> None:
        """To `name` below a URI; JobFailedError if it cannot be written."""
        place = Location.parse(uri)
        where = Location(place.bucket, f"{place.key.rstrip('/')}/{name}".lstrip("/"))
        try:
            self.s3.upload_file(str(path), where.bucket, where.key, ExtraArgs=self._headers)
        except Exception as error:  # upload_file wraps what S3 said in an exception of its own
            cause = error.__context__ if isinstance(error.__context__, ClientError) else error
            raise JobFailedError(f"ClientError: {refusal(cause, self.role, 's3:PutObject', where)}") from error

    def upload_folder(self, folder: Path, uri: str, name: str) -> None:
        """All that lies in a folder as one .tar.gz; a folder that holds nothing is left out."""
        if not any(folder.iterdir()):
            return
        packed = folder.parent / name
        with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, arcname=path.name)
        self.upload(packed, uri, name)
        packed.unlink()
