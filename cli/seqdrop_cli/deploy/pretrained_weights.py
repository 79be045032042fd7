"""Pre-trained weights that a job.toml can name, uploaded to the models bucket."""

from __future__ import annotations

import tempfile
from hashlib import file_digest
from os import SEEK_END
from typing import IO, TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.aws.multipart import needs_multipart
from seqdrop.models import pointers
from seqdrop.models.packing import write_tar_gz
from seqdrop.models.pins import checksum_of

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from seqdrop.models.pointers import Target


def push_weights(s3: S3Client, bucket: str, model: str, folder: Path, when: str) -> str:
    """Pack a folder of weights of any size, upload it, make it the current archive of `model`, and return its key.

    The same files give the same archive and key. Raise ValueError if the folder has no config.json.
    """
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder / 'config.json'} does not exist, so {folder} is not a folder of pre-trained weights")
    with tempfile.TemporaryFile() as body:
        write_tar_gz(body, {path.name: path for path in folder.iterdir() if path.is_file()})
        body.seek(0)
        digest = file_digest(body, "sha256").hexdigest()
        key = keys.pushed_weights(model, digest)
        etag = _upload(s3, bucket, key, body, digest)
    target: Target = {"key": key, "digest": digest, "etag": etag, "labels": [], "since": when}
    pointers.point(s3, bucket, keys.model_pointer(model), target)
    return key


def _upload(s3: S3Client, bucket: str, key: str, body: IO[bytes], digest: str) -> str:
    """Upload a file and return its ETag. Up to 5 GB, S3 checks the SHA-256 of the bytes that arrive, and stores it."""
    size = body.seek(0, SEEK_END)
    body.seek(0)
    if not needs_multipart(size):
        response = s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumSHA256=checksum_of(digest))
        return response["ETag"].strip('"')
    s3.upload_fileobj(body, bucket, key)
    return s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
