"""Pointers: small objects in the results bucket that say what is in use, and what was before, newest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Target(TypedDict):
    """What a pointer points to. Which keys it has depends on what it is: a model, or code of jobs."""

    digest: str
    """SHA-256 in hexadecimal."""
    since: NotRequired[str]
    """When it became the current one, ISO 8601."""
    key: NotRequired[str]
    """Of a model: key of its archive."""
    labels: NotRequired[list[str]]
    """Of a model: names of its classes, class 0 first."""
    calibration: NotRequired[str]
    """Of a model: `Calibration.as_json`; "" without a calibration."""
    task: NotRequired[str]
    """Of a trained model: what it was trained for."""
    figure: NotRequired[float | None]
    """Of a trained model: its figure on the test split."""
    test_digest: NotRequired[str]
    """Of a trained model: digest of the test split."""
    version: NotRequired[str]
    """Of a registered model: its version."""
    prefix: NotRequired[str]
    """Of code: prefix of the results bucket."""


class Pointer(TypedDict):
    """The content of a pointer."""

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
    """Return True if the pointer points to what has this digest."""
    return pointer is not None and pointer["current"]["digest"] == digest


def move(s3: S3Client, bucket: str, key: str, pointer: Pointer | None, current: Target) -> None:
    """Point to `current`; `pointer` is the content that was read before.

    The previous target goes to the history, unless it has the same digest.
    """
    history: list[Target] = []
    if pointer:
        previous = [] if is_current(pointer, current["digest"]) else [pointer["current"]]
        history = [*previous, *pointer["history"]]
    content: Pointer = {"current": current, "history": history}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content, indent=2).encode())
