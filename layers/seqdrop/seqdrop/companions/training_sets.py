"""The landing keys of training files, `training/<name of the training>/<file>`, and the reuse of earlier files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqdrop.errors import Fault, InvalidFileError

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}")
PLACE = re.compile(r"([^/]+)/(.+)")


@dataclass(frozen=True)
class Place:
    """The place of a file in a training.

    `name` is the name of the training and `file` the rest of the key. `set_name` identifies the training in the ledger;
    it is unique over all buckets.
    """

    name: str
    file: str
    set_name: str


def place_of(bucket: str, key: str, prefix: str) -> Place:
    """Return the place of a landing key below `prefix`. Raise InvalidFileError if the key names no training."""
    match = PLACE.fullmatch(key.removeprefix(prefix))
    if not match or not NAME.fullmatch(match[1]):
        advice = f"Drop it under {prefix}NAME/, beside its job.toml; NAME becomes the name of the model."
        message = (
            f"the files of a training must be under {prefix}NAME/, where NAME has 1 to 36 letters, digits and hyphens"
        )
        raise InvalidFileError(Fault("no_training", message, advice))
    return Place(match[1], match[2], f"{bucket}/{prefix}{match[1]}")


def reuse_line(upload_id: str) -> str:
    """Return the line of job.toml that names an earlier training, by the upload id of its job.toml."""
    return f'reuse = "{upload_id}"'
