"""Pointers: small objects in the models bucket that name the model or code in use, and those used before it.

A pointer is written only if it still has the content that the writer has read (If-Match), so two writers at the same
moment cannot lose an entry of the history.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

from seqdrop.aws.errors import is_conflict, is_missing
from seqdrop.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

GATE = "gate"  # `by` of a model that the gate of trainings made the current one
ATTEMPTS = 10  # writes of `point`, each after reading again, before it gives up


class PointerMovedError(RetryableError):
    """Another writer changed the pointer after it was read. Reading it again and repeating the decision can help."""


class Target(TypedDict):
    """The target of a pointer: a model, or the code of jobs. Other keys than `digest` and `since` depend on that."""

    digest: str
    """SHA-256 in hexadecimal."""
    etag: NotRequired[str]
    """ETag of its object, if S3 cannot store the SHA-256 of an object of this size."""
    since: NotRequired[str]
    """Time at which it became the current one, ISO 8601."""
    by: NotRequired[str]
    """Model: who made it the current one: the ARN of the caller, or GATE. "" if that is not known."""
    why: NotRequired[str]
    """Model: the verdict of the gate when it became the current one."""
    key: NotRequired[str]
    """Model: key of its archive."""
    labels: NotRequired[list[str]]
    """Model: names of its classes, class 0 first."""
    calibration: NotRequired[str]
    """Model: `Calibration.as_json`; "" without a calibration."""
    task: NotRequired[str]
    """Trained model: the task of job.toml, such as ss3."""
    figure: NotRequired[float | None]
    """Trained model: its figure on the test split."""
    test_digest: NotRequired[str]
    """Trained model: digest of the test split."""
    version: NotRequired[str]
    """Registered model: its version."""
    prefix: NotRequired[str]
    """Code: prefix of the models bucket."""


class Pointer(TypedDict):
    """The content of a pointer. The history has the previous targets, newest first."""

    current: Target
    history: list[Target]


@dataclass(frozen=True)
class Reading:
    """A pointer as it was read; `etag` is "" and `content` None if there was no pointer."""

    key: str
    content: Pointer | None
    etag: str

    @property
    def current(self) -> Target | None:
        """The current target; None if there is no pointer."""
        return self.content["current"] if self.content else None


def load(s3: S3Client, bucket: str, key: str) -> Reading:
    """Return a pointer with the ETag that a later `move` needs."""
    try:
        response = s3.get_object(Bucket=bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return Reading(key, None, "")
    content: Pointer = json.loads(response["Body"].read())
    return Reading(key, content, response["ETag"])


def read(s3: S3Client, bucket: str, key: str) -> Pointer | None:
    """Return the content of a pointer; None if there is none yet."""
    return load(s3, bucket, key).content


def is_current(pointer: Pointer | None, digest: str) -> bool:
    """Return True if the current target has this digest."""
    return pointer is not None and pointer["current"]["digest"] == digest


def move(s3: S3Client, bucket: str, reading: Reading, current: Target) -> None:
    """Point to `current`, unless the pointer has changed since `reading`.

    The previous target goes to the history, unless it has the same digest. Raise PointerMovedError if another writer
    was first. The writer needs s3:GetObject as well, because of If-Match.
    """
    from botocore.exceptions import ClientError  # not at import: `seqdrop --help` must start quickly

    content: Pointer = {"current": current, "history": _history(reading.content, current["digest"])}
    body = json.dumps(content, indent=2).encode()
    try:
        if reading.content is None:
            s3.put_object(Bucket=bucket, Key=reading.key, Body=body, IfNoneMatch="*")
        else:
            s3.put_object(Bucket=bucket, Key=reading.key, Body=body, IfMatch=reading.etag)
    except ClientError as error:
        if not (is_conflict(error) or is_missing(error)):
            raise
        if load(s3, bucket, reading.key).current == current:
            return  # an earlier try of this request succeeded, and its response was lost
        raise PointerMovedError(
            f"{reading.key} was changed by another writer at the same moment; read it again and repeat"
        ) from error


def point(s3: S3Client, bucket: str, key: str, current: Target) -> None:
    """Point to `current`, whatever the pointer names now.

    The entries of other writers are kept. Raise PointerMovedError if others were first ATTEMPTS times.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(PointerMovedError):
            move(s3, bucket, load(s3, bucket, key), current)
            return
    move(s3, bucket, load(s3, bucket, key), current)


def _history(pointer: Pointer | None, digest: str) -> list[Target]:
    if pointer is None:
        return []
    previous = [] if is_current(pointer, digest) else [pointer["current"]]
    return [*previous, *pointer["history"]]


def write(s3: S3Client, bucket: str, key: str, content: Pointer) -> None:
    """Write the whole content of a pointer, whatever it is now."""
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content, indent=2).encode())
