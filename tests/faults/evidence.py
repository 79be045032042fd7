"""The state after a schedule: objects in buckets, records of the ledger, jobs and mails."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.ledger import moves
from seqdrop.uploads import upload_id

from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from tests.faults.play import Player
    from tests.support.aws.s3 import Bucket, Version


@dataclass(frozen=True)
class Drop:
    """One version that the lab dropped.

    `number` counts all drops of the schedule, from 0. `slot` chooses the key within the kind, so that drops of one slot
    belong together or are versions of one key.
    """

    kind: str
    key: str
    version_id: str
    body: bytes
    number: int = 0
    slot: int = 0

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[1]

    @property
    def folder(self) -> str:
        return self.key.removesuffix(self.name)


class Evidence:
    """Reads objects, mails and the records of uploads, attempts and jobs. It reads no other record of the ledger."""

    def __init__(self, player: Player):
        self.world, self.lab, self.disturbed = player.world, player.lab, player.disturbed
        self.struck = player.struck
        self.drops = player.lab.drops
        self.landing, self.results = self._bucket("landing"), self._bucket("results")
        self.models, self.archive = self._bucket("models"), self._bucket("archive")
        records = [_record(item) for item in self.world.table.items.values() if "kind" in item]
        self.uploads = {record["id"]: record for record in records if record["kind"] == moves.UPLOAD}
        self.jobs = {record["name"]: record for record in records if record["kind"] == moves.JOB}
        self.attempts: dict[str, list[dict]] = defaultdict(list)  # by upload id, in order
        attempts = [record for record in records if record["kind"] == moves.ATTEMPT]
        for attempt in sorted(attempts, key=lambda attempt: attempt["number"]):
            self.attempts[attempt["upload_id"]].append(attempt)

    def _bucket(self, name: str) -> Bucket:
        return self.world.s3.buckets[self.world.name(name)]

    # -- one dropped version --

    def id_of(self, drop: Drop) -> str:
        return upload_id(self.landing.name, drop.key, drop.version_id)

    def upload(self, drop: Drop) -> dict | None:
        return self.uploads.get(self.id_of(drop))

    def state(self, drop: Drop) -> str:
        """Return the upload's state; "" if it has no record."""
        upload = self.upload(drop)
        return upload["state"] if upload else ""

    def reason(self, drop: Drop) -> str:
        """Return the code for which it was rejected; "" if it was not."""
        upload = self.upload(drop)
        return upload.get("reason", "") if upload and upload["state"] == "REJECTED" else ""

    def there(self, drop: Drop) -> Version | None:
        return self.landing.version(drop.key, drop.version_id)

    def is_deleted(self, drop: Drop) -> bool:
        return (drop.key, drop.version_id) in self.lab.deleted

    def is_gone(self, drop: Drop) -> bool:
        """Return True if the lab deleted the version, or put a delete marker over it at some time."""
        return self.is_deleted(drop) or (drop.key, drop.version_id) in self.lab.covered

    def copies_of(self, drop: Drop) -> list[Version]:
        """Return its copies in the archive, whose keys hold the upload's id."""
        place = f"/{self.id_of(drop)}/"
        kept = (version for versions in self.archive.keys.values() for version in versions)
        return [version for version in kept if place in f"/{version.key}" and version.body == drop.body]

    def deciding_attempts(self, upload: dict) -> list[dict]:
        """Return the last attempt of each analysis for which the upload waits: its own, or the attempt of its set."""
        return list({attempt["analysis"]: attempt for attempt in self.history(upload)}.values())

    def history(self, upload: dict) -> list[dict]:
        """Return all attempts for which the upload waited, in order."""
        if of_others := upload.get("training") or upload.get("masks_of"):
            head, analysis, _ = of_others.split("-")
            return [attempt for attempt in self.attempts[head] if attempt["analysis"] == analysis]
        return self.attempts[upload["id"]]

    def json(self, key: str) -> dict | None:
        """Return the content of a JSON object of the results bucket."""
        return self._json(self.results.name, key)

    def model_json(self, key: str) -> dict | None:
        """Return the content of a JSON object of the models bucket."""
        return self._json(self.models.name, key)

    def _json(self, bucket: str, key: str) -> dict | None:
        body = self.world.s3.read(bucket, key)
        return json.loads(body) if body else None

    def mails_of(self, text: str) -> list[tuple[str, str]]:
        """Return (subject, message) of each mail whose message contains this text."""
        return [mail for mail in self.world.mails if text in mail[1]]


def _record(item: dict) -> dict:
    record = {name: to_python(value) for name, value in item.items()}
    return record | {name: int(record[name]) for name in ("number", "revision") if name in record}
