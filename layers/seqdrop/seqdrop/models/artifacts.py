"""The output of a training job, model.tar.gz and output.tar.gz, read as streams, so that memory does not grow."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.aws.server_copy import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer
    from mypy_boto3_s3.client import S3Client

MOST_JSON = 10_000_000  # bytes; a larger JSON member is treated as absent
OF_MODEL, OF_OUTPUT = {"config.json", "metrics.json"}, {"card.json"}
Json = dict[str, Any]


class ModelNotFoundError(Exception):
    """The job succeeded but left no usable model; the message says what is wrong."""


@dataclass(frozen=True)
class Artifacts:
    """The SHA-256 of model.tar.gz, its config.json and metrics.json, and card.json of output.tar.gz.

    `metrics` and `card` are empty if there is no such file.
    """

    digest: str
    config: Json
    metrics: Json
    card: Json
    source: Source
    """The model.tar.gz that was read."""


def read_artifacts(s3: S3Client, bucket: str, job: str) -> Artifacts:
    """Read both archives of a training job from the work bucket. Raise ModelNotFoundError if there is no model."""
    source, digest, model = _read_archive(s3, bucket, keys.trained_archive(job), OF_MODEL)
    if "config.json" not in model:
        raise ModelNotFoundError("the job's model.tar.gz has no config.json")
    try:
        _, _, output = _read_archive(s3, bucket, keys.trained_output(job), OF_OUTPUT)
    except ModelNotFoundError:
        output = {}  # the script of dnabert, for example, writes no output.tar.gz
    return Artifacts(digest, model["config.json"], model.get("metrics.json", {}), output.get("card.json", {}), source)


def _read_archive(s3: S3Client, bucket: str, key: str, names: set[str]) -> tuple[Source, str, dict[str, Json]]:
    """Return an archive as the source of a copy, its SHA-256, and the content of its JSON members with these names.

    Raise ModelNotFoundError if there is no archive or it cannot be read.
    """
    name = key.rsplit("/", 1)[-1]
    try:
        response = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing(error):
            raise ModelNotFoundError(f"the job left no {name}") from error
        raise
    stream = HashedStream(response["Body"])
    try:
        with tarfile.open(fileobj=io.BufferedReader(stream), mode="r|gz") as archive:
            members = dict(_read_members(archive, names))
        stream.drain()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ModelNotFoundError(f"{name} cannot be read: {error}") from error
    source = Source(bucket, key, response["ContentLength"], response["ETag"])
    return source, stream.digest.hexdigest(), members


def _read_members(archive: tarfile.TarFile, names: set[str]) -> Iterator[tuple[str, Json]]:
    for member in archive:
        name = member.name.removeprefix("./")
        if name in names and member.isfile() and member.size <= MOST_JSON:
            content = archive.extractfile(member)
            if content is not None:
                yield name, json.loads(content.read())


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""


class HashedStream(io.RawIOBase):
    """A stream that is hashed while it is read."""

    def __init__(self, body: Readable) -> None:
        self._body, self.digest = body, hashlib.sha256()

    def readable(self) -> bool:
        """Return True: `io.BufferedReader` asks before it reads."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer; return the number of bytes."""
        view = memoryview(buffer).cast("B")
        block = self._body.read(len(view))
        self.digest.update(block)
        view[: len(block)] = block
        return len(block)

    def drain(self) -> None:
        """Read the rest of the stream: tarfile stops at the archive's last block."""
        while block := self._body.read(1 << 20):
            self.digest.update(block)
