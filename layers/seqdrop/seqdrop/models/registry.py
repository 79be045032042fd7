"""Trained models. Each is stored with its card in models/<name>/<version>/; a pointer names the current one."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

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


class CardData(TypedDict):
    """The data of a card that a pointer repeats."""

    test_digest: str


class CardGate(TypedDict):
    """The verdict of the gate when the model was registered."""

    passed: bool
    why: str


class Card(TypedDict):
    """The part of a card that the registry reads. A card of an earlier version has no `gate`."""

    digest: str
    labels: list[str]
    task: str
    figure: float | None
    data: CardData
    gate: NotRequired[CardGate]
    etag: NotRequired[str]


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


def register(s3: S3Client, source: Source, bucket: str, version: Version, card: Mapping[str, object]) -> str:
    """Copy an archive, write the card with the ETag of the copy, and return it. A repeated call changes nothing.

    Raise JobRefusedError if the copy does not have the SHA-256 of the card, because the source was replaced after it
    was read.
    """
    etag = ""
    with suppress(ConflictError):
        etag = copy_object(s3, source, bucket, version.key)
    etag = pin(s3, bucket, version.key, str(card["digest"]), etag, largest_read=source.size)
    body = (json.dumps({**card, "etag": etag}, indent=2, ensure_ascii=False) + "\n").encode()
    s3.put_object(Bucket=bucket, Key=version.card_key, Body=body, ContentType="application/json")
    return etag


def read_card(s3: S3Client, bucket: str, version: Version) -> Card:
    """Return the card of a version. Raise JobRefusedError if there is no such version."""
    try:
        card: Card = json.loads(s3.get_object(Bucket=bucket, Key=version.card_key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        raise JobRefusedError(
            f"there is no version {version.version!r} of model {version.model!r}: "
            f"`seqdrop models list {version.model}` shows the versions"
        ) from None
    return card


def list_versions(s3: S3Client, bucket: str, model: str) -> list[Version]:
    """Return the registered versions of a model, the newest first: their names begin with a date."""
    prefix = keys.model_prefix(model)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    names = [entry["Key"].removeprefix(prefix) for page in pages for entry in page.get("Contents", [])]
    versions = [name.rsplit("/", 1)[0] for name in names if name.endswith("/card.json")]
    return [Version(model, version) for version in sorted(versions, reverse=True)]


def candidate_of(target: Target | None) -> Candidate | None:
    """Return the facts about the target of a pointer that the gate uses; None if there is no target.

    A model that was pushed by hand may have no figure.
    """
    if target is None:
        return None
    figure, labels = target.get("figure"), tuple(target.get("labels", ()))
    return Candidate(target.get("task", ""), figure, target.get("test_digest", ""), labels=labels)


def current_candidate(s3: S3Client, bucket: str, model: str) -> Candidate | None:
    """Return the facts about the current model that the gate uses; None if there is no current model."""
    return candidate_of(pointers.load(s3, bucket, keys.model_pointer(model)).current)


def target_of(version: Version, card: Card, by: str, now: str) -> Target:
    """Return the target of a pointer to a registered version. `by` is who makes it the current one."""
    return {
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
        "by": by,
        "why": card.get("gate", {}).get("why", ""),
    }


def make_current(s3: S3Client, bucket: str, version: Version, now: str, by: str = "") -> None:
    """Make a registered version the current one, whatever the present one is.

    Raise JobRefusedError if there is no such version.
    """
    card = read_card(s3, bucket, version)
    reading = pointers.load(s3, bucket, keys.model_pointer(version.model))
    if not pointers.is_current(reading.content, card["digest"]):
        pointers.point(s3, bucket, reading.key, target_of(version, card, by, now))
