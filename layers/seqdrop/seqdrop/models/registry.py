"""Trained models. Each is stored with its card in models/<name>/<version>/; a pointer names the current one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.promotion import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.client import S3Client

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


def register(s3: S3Client, work: str, source: str, bucket: str, version: Version, card: Mapping[str, object]) -> None:
    """Copy the archive at the key `source` of the bucket `work`, and write the card.

    A repeated call changes nothing.
    """
    try:
        s3.copy({"Bucket": work, "Key": source}, bucket, version.key)
    except ClientError as error:
        if not is_conflict(error):
            raise
    body = (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()
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
        "labels": card["labels"],
        "calibration": "",
        "task": card["task"],
        "figure": card["figure"],
        "test_digest": card["data"]["test_digest"],
        "version": version.version,
        "since": now,
    }
    pointers.move(s3, bucket, keys.model_pointer(version.model), pointer, current)
