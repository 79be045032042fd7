"""What a training job leaves: model.tar.gz and output.tar.gz, read as streams, however large."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import BinaryIO

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing

MOST_JSON = 10_000_000
OF_MODEL, OF_OUTPUT = {"config.json", "metrics.json"}, {"card.json"}


class ModelNotFoundError(Exception):
    """The job ended well and left no model that can be used; the message says what is wrong."""


@dataclass(frozen=True)
class Artifacts:
    """The SHA-256 of the model's archive, its config.json, metrics.json if there is one, and train.py's card."""

    digest: str
    config: dict
    metrics: dict
    card: dict


def read_artifacts(s3, bucket: str, job: str) -> Artifacts:
    """Read both archives that a training job left in the work bucket. Raises ModelNotFoundError."""
    digest, model = _members(s3, bucket, keys.trained_archive(job), OF_MODEL)
    if "config.json" not in model:
        raise ModelNotFoundError("the job's model.tar.gz has no config.json")
    try:
        _, output = _members(s3, bucket, keys.trained_output(job), OF_OUTPUT)
    except ModelNotFoundError:
        output = {}  # a script that writes none, as that of dnabert
    return Artifacts(digest, model["config.json"], model.get("metrics.json", {}), output.get("card.json", {}))


def _members(s3, bucket: str, key: str, wanted: set[str]) -> tuple[str, dict[str, dict]]:
    """(SHA-256 of the archive, the JSON members asked for)."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if is_missing(error):
            raise ModelNotFoundError(f"the job left no {key.rsplit('/', 1)[-1]}") from error
        raise
    hashed = Hashed(body)
    try:
        with tarfile.open(fileobj=io.BufferedReader(hashed), mode="r|gz") as archive:
            found = {}
            for member in archive:
                name = member.name.removeprefix("./")
                if name in wanted and member.isfile() and member.size <= MOST_JSON:
                    found[name] = json.loads(archive.extractfile(member).read())
        hashed.drain()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ModelNotFoundError(f"{key.rsplit('/', 1)[-1]} cannot be read: {error}") from error
    return hashed.digest.hexdigest(), found


class Hashed(io.RawIOBase):
    """A stream that is hashed as it is read."""

    def __init__(self, body: BinaryIO):
        self._body, self.digest = body, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        block = self._body.read(len(buffer))
        self.digest.update(block)
        buffer[: len(block)] = block
        return len(block)

    def drain(self) -> None:
        """Read what is left: tar stops at its last block."""
        while block := self._body.read(1 << 20):
            self.digest.update(block)
