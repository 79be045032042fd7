"""The data of a model, from S3 to the folder that its container reads, with the permissions of its role."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.archive import BadArchiveError, unpack
from local.sagemaker.records import MEBIBYTE
from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botocore.client import BaseClient

    from local.sagemaker.model_records import Model

CHUNK = MEBIBYTE


class ObjectFailedError(Exception):
    """An object could not be read or written; a job continues with the others and then fails."""


class ModelDataError(Exception):
    """The data of a model could not be read or unpacked; the message says why."""


def fetch_model(s3: BaseClient, model: Model, scratch: Path, model_dir: Path) -> None:
    """Unpack the archive of a model; raise ModelDataError if that fails."""
    location, archive = Location.parse(model.data_url), scratch / "model.tar.gz"
    try:
        with archive.open("wb") as target:
            for chunk in read_chunks(s3, location, model.role, model.etag):
                target.write(chunk)
        unpack(archive, model_dir)
        _refuse_requirements(model_dir)
    except (ObjectFailedError, BadArchiveError) as error:
        raise ModelDataError(f"the model data {location}: {error}") from error
    archive.unlink()


def read_chunks(s3: BaseClient, location: Location, role: str, etag: str = "") -> Iterator[bytes]:
    """Yield the content of an object; raise ObjectFailedError if it cannot be read, or has another ETag."""
    condition = {"IfMatch": etag} if etag else {}
    try:
        body = s3.get_object(Bucket=location.bucket, Key=location.key, **condition)["Body"]
        with contextlib.closing(body):
            yield from body.iter_chunks(CHUNK)
    except (BotoCoreError, ClientError) as error:
        raise ObjectFailedError(explain(error, role, "s3:GetObject", location)) from error


def _refuse_requirements(model_dir: Path) -> None:
    """Refuse requirements.txt, which the real container would install from the network before it serves."""
    if (model_dir / "code/requirements.txt").exists():
        raise BadArchiveError("code/requirements.txt is not supported by the embedded SageMaker")
