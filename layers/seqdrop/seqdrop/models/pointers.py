"""Pointers: small objects in the models bucket that name the model or code in use, and those used before it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Target(TypedDict):
    """The target of a pointer: a model, or the code of jobs. Other keys than `digest` and `since` depend on that."""

    digest: str
    """SHA-256 in hexadecimal."""
    etag: NotRequired[str]
    """ETag of its object, if S3 cannot store the SHA-256 of an object of this size."""
    since: NotRequired[str]
    """Time at which it became the current one, ISO 8601."""
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


def read(s3: S3Client, bucket: str, key: str) -> Pointer | None:
    """Return the content of a pointer; None if there is none yet."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    pointer: Pointer = json.loads(body)
    return pointer


def is_current(pointer: Pointer | None, digest: str) -> bool:
    """Return True if the current target has this digest."""
    return pointer is not None and pointer["current"]["digest"] == digest


def move(s3: S3Client, bucket: str, key: str, pointer: Pointer | None, current: Target) -> None:
    """Point to `current`. `pointer` is the present content, or None if there is no pointer yet.

    The previous target goes to the history, unless it has the same digest.
    """
    history: list[Target] = []
    if pointer:
        previous = [] if is_current(pointer, current["digest"]) else [pointer["current"]]
        history = [*previous, *pointer["history"]]
    write(s3, bucket, key, {"current": current, "history": history})


def write(s3: S3Client, bucket: str, key: str, content: Pointer) -> None:
    """Write the whole content of a pointer."""
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content, indent=2).encode())
