"""The objects a job reads, and the name of each one's output."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.storage import Location, refusal


class NoInputError(Exception):
    """There is nothing to read, or it may not be looked at; the message is the job's failure reason."""


@dataclass(frozen=True)
class InputObject:
    """One object; `relative` is its output's key under S3OutputPath, without `.out`."""

    location: Location
    relative: str


def input_objects(s3, source: dict, role: str, region: str) -> list[InputObject]:
    """All objects of a job's S3DataSource, in key order; NoInputError when there are none."""
    location = Location.parse(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        found = list(_manifest(s3, location, role))
    else:
        found = list(_prefix(s3, location, role))
    if not found:
        raise NoInputError(_nothing(location, role, region))
    return found


def _prefix(s3, prefix: Location, role: str) -> Iterator[InputObject]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
    try:
        for page in pages:
            for entry in page.get("Contents", []):
                key = entry["Key"]
                # What a console makes for an empty folder is no input.
                if not (key.endswith("/") and entry["Size"] == 0):
                    yield InputObject(Location(prefix.bucket, key), _relative(key, prefix.key))
    except (BotoCoreError, ClientError) as error:
        raise NoInputError(f"ClientError: {refusal(error, role, 's3:ListBucket', prefix)}") from error


def _relative(key: str, prefix: str) -> str:
    """The key below the folder that the prefix names; below the prefix's own folder if it names none."""
    folder = prefix if prefix.endswith("/") or not prefix else prefix + "/"
    return key.removeprefix(folder) if key.startswith(folder) else key[prefix.rfind("/") + 1 :]


def _manifest(s3, location: Location, role: str) -> Iterator[InputObject]:
    try:
        content = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise NoInputError(f"ClientError: {refusal(error, role, 's3:GetObject', location)}") from error
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


def _nothing(location: Location, role: str, region: str) -> str:
    return (
        f'ClientError: No S3 objects found under S3 URL "{location}" given in input data source. '
        f"Please ensure that the bucket exists in the selected region ({region}), that objects exist "
        f'under that S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket '
        f'"{location.bucket}".'
    )
