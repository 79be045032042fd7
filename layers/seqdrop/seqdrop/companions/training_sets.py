"""Which training a landing key belongs to, and as which of its files: `training/<name>/<file>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqdrop.errors import Fault, InvalidFileError

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,35}")
PLACE = re.compile(r"([^/]+)/(.+)")


@dataclass(frozen=True)
class Place:
    """`name` is the training's, `file` the rest of the key, `set_name` is unique over all buckets."""

    name: str
    file: str
    set_name: str


def place_of(bucket: str, key: str, prefix: str) -> Place:
    """Raises InvalidFileError for a key that names no training."""
    found = PLACE.fullmatch(key.removeprefix(prefix))
    if not found or not NAME.fullmatch(found[1]):
        advice = f"Drop it under {prefix}NAME/, beside its job.toml; NAME becomes that of the model."
        message = f"a training's files lie under {prefix}NAME/, with a NAME of 1 to 36 letters, digits and hyphens"
        raise InvalidFileError(Fault("no_training", message, advice))
    return Place(found[1], found[2], f"{bucket}/{prefix}{found[1]}")
