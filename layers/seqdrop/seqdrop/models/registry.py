"""Trained models. Each is stored with its card in models/<name>/<version>/; a pointer names the current one."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.aws.server_copy import ConflictError, copy_object
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.pins import pin
from seqdrop.models.promotion import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client

    from seqdrop.aws.server_copy import Source
    from seqdrop.models.pointers import Target


@dataclass(frozen=True)
class Version:
    """One trained model in the models bucket."""

    model: str
    version: str

    @property
    def key(self) -> str:
        """Key of its archive."""
        return keys.registered_archive(self.model, self.version)

    @property
    def card_key(self) -> str:
        """Key of its card."""
        return keys.model_card(self.model, self.version)


def register(s3: S3Client, source: Source, bucket: str, version: Version, card: Mapping[str, object]) -> None:
    """Copy an archive, and write the card with the ETag of the copy. A repeated call changes nothing.

    Raise JobRefusedError if the copy does not have the SHA-256 of the card, because the source was replaced after it
    was read.
    """
    etag = ""
    with suppress(ConflictError):
        etag = copy_object(s3, source, bucket, version.key)
    etag = pin(s3, bucket, version.key, str(card["digest"]), etag, largest_read=source.size)
    body = (json.dumps({**card, "etag": etag}, indent=2, ensure_ascii=False) + "\n").encode()
    s3.put_object(Bucket=bucket, Key=version.card_key, Body=body, ContentType="application/json")


def current_candidate(s3: S3Client, bucket: str, model: str) -> Candidate | None:
    """Return the facts about the current model that the gate uses; None if there is no current model.

    A model that was pushed by hand may have no figure.
    """
    pointer = pointers.read(s3, bucket, keys.model_pointer(model))
    if pointer is None:
        return None
    current = pointer["current"]
    return Candidate(current.get("task", ""), current.get("figure"), current.get("test_digest", ""))


def make_current(s3: S3Client, bucket: str, version: Version, now: str) -> None:
    """Make a registered version the current one. Raise JobRefusedError if there is no such version."""
    try:
        card = json.loads(s3.get_object(Bucket=bucket, Key=version.card_key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        folder = version.card_key.rsplit("/", 2)[0]
        raise JobRefusedError(
            f"there is no version {version.version!r} of model {version.model!r}; each version is a folder below "
            f"{folder}/ in the models bucket"
        ) from None
    pointer = pointers.read(s3, bucket, keys.model_pointer(version.model))
    if pointers.is_current(pointer, card["digest"]):
        return
    current: Target = {
        "key": version.key,
        "digest": card["digest"],
        "etag": card.get("etag", ""),
        "labels": card["labels"],
        "calibration": "",
        "task": card["task"],
        "figure": card["figure"],
        "test_digest": card["data"]["test_digest"],
        "version": version.version,
        "since": now,
    }
    pointers.move(s3, bucket, keys.model_pointer(version.model), pointer, current)
