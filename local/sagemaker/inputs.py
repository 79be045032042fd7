"""The input objects of a job, and the name of the output of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3.client import S3Client


class NoInputError(Exception):
    """There is no input object, or the role may not list or read it; the message is the job's failure reason."""


@dataclass(frozen=True)
class InputObject:
    """An object; `relative` is the key of its output below S3OutputPath, without `.out`."""

    location: Location
    relative: str


def list_inputs(s3: S3Client, source: Mapping[str, str], role: str, region: str) -> list[InputObject]:
    """Return all objects of a job's S3DataSource, in the order of its keys or of its manifest.

    Raise NoInputError if there is none, or if the role may not list or read the source.
    """
    location = Location.parse(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        objects = list(_manifest(s3, location, role))
    else:
        objects = list(_prefix(s3, location, role))
    if not objects:
        raise NoInputError(_no_objects(location, role, region))
    return objects


def _prefix(s3: S3Client, prefix: Location, role: str) -> Iterator[InputObject]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
    try:
        for page in pages:
            for entry in page.get("Contents", []):
                key = entry["Key"]
                # A console represents an empty folder by such an object, which is not an input.
                if not (key.endswith("/") and entry["Size"] == 0):
                    yield InputObject(Location(prefix.bucket, key), _relative(key, prefix.key))
    except (BotoCoreError, ClientError) as error:
        raise NoInputError(f"ClientError: {explain(error, role, 's3:ListBucket', prefix)}") from error


def _relative(key: str, prefix: str) -> str:
    """Return the key relative to the folder that the prefix names, or else to the folder that contains the prefix."""
    folder = prefix if prefix.endswith("/") or not prefix else prefix + "/"
    return key.removeprefix(folder) if key.startswith(folder) else key[prefix.rfind("/") + 1 :]


def _manifest(s3: S3Client, location: Location, role: str) -> Iterator[InputObject]:
    try:
        content = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise NoInputError(f"ClientError: {explain(error, role, 's3:GetObject', location)}") from error
    try:
        head, *names = json.loads(content)
        prefix = Location.parse(head["prefix"])
        for name in names:
            yield InputObject(Location(prefix.bucket, prefix.key + name), name)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoInputError(
            f"ClientError: {location} is no manifest: a JSON list is expected, "
            '{"prefix": "s3://…/"} first, then keys below it'
        ) from error


def _no_objects(location: Location, role: str, region: str) -> str:
    return (
        f'ClientError: No S3 objects found under S3 URL "{location}" given in input data source. '
        f"Please ensure that the bucket exists in the selected region ({region}), that objects exist "
        f'under that S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket '
        f'"{location.bucket}".'
    )
