"""Trained models: each in models/<name>/<version>/ with its card; the pointer says which is current, as for others."""

from __future__ import annotations

import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict
from seqdrop.errors import JobRefusedError
from seqdrop.models import pointers
from seqdrop.models.promotion import Candidate


@dataclass(frozen=True)
class Version:
    """One trained model in the results bucket."""

    model: str
    version: str

    @property
    def key(self) -> str:
        """Key of its archive."""
        return keys.registered_archive(self.model, self.version)

    @property
    def card_key(self) -> str:
        return keys.model_card(self.model, self.version)


def register(s3, work: str, source: str, results: str, version: Version, card: dict) -> None:
    """Copy the archive at the key `source` and write the card. Doing it again changes nothing."""
    try:
        s3.copy({"Bucket": work, "Key": source}, results, version.key)
    except ClientError as error:
        if not is_conflict(error):
            raise
    body = (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()
    s3.put_object(Bucket=results, Key=version.card_key, Body=body, ContentType="application/json")


def current_candidate(s3, results: str, model: str) -> Candidate | None:
    """What the gate knows of the current model; None if there is none. One that was pushed by hand tells no figures."""
    pointer = pointers.read(s3, results, keys.model_pointer(model))
    if pointer is None:
        return None
    found = pointer["current"]
    return Candidate(found.get("task", ""), found.get("figure"), found.get("test_digest", ""))


def make_current(s3, results: str, version: Version, now: str) -> None:
    """Point to a registered version from now on. Raises JobRefusedError if there is none of that name."""
    try:
        card = json.loads(s3.get_object(Bucket=results, Key=version.card_key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        raise JobRefusedError(f"there is no version {version.version!r} of model {version.model!r}") from None
    pointer = pointers.read(s3, results, keys.model_pointer(version.model))
    if pointers.is_current(pointer, card["digest"]):
        return
    current = {
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
    pointers.move(s3, results, keys.model_pointer(version.model), pointer, current)
