"""What tests of runs share: a landing bucket and a ledger in memory, in which others may go on, or all break off, at
every call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace

from botocore.exceptions import ClientError
from seqdrop import analyses
from seqdrop.events import landed_versions
from seqdrop.ledger.records import Upload
from seqdrop.ledger.table import Ledger
from seqdrop.services import Services
from seqdrop.settings import Settings
from seqdrop.stages.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.mates import Table

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"


class Versions:
    """All buckets in a dict: the versions of each key, of which the last is the present one."""

    def __init__(self):
        self.objects: dict[tuple[str, str, str], bytes] = {}

    def put_object(self, Bucket: str, Key: str, Body: bytes, VersionId: str = "", **_) -> None:
        self.objects[Bucket, Key, VersionId] = Body

    def get_object(self, Bucket: str, Key: str, VersionId: str | None = None, **_) -> dict:
        """A version, or the present one."""
        places = [place for place in self.objects if place[:2] == (Bucket, Key) and VersionId in (None, place[2])]
        if not places:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": BytesIO(self.objects[places[-1]]), "LastModified": datetime.now(UTC)}

    head_object = get_object

    def get_paginator(self, name: str):
        return SimpleNamespace(paginate=getattr(self, f"_{name}"))

    def _list_object_versions(self, Bucket: str, Prefix: str) -> list[dict]:
        """In pages of one, as any listing may come."""
        places = sorted(place for place in self.objects if place[0] == Bucket and place[1].startswith(Prefix))
        return [{"Versions": [{"Key": key, "VersionId": version}]} for _, key, version in places] or [{}]

    def _list_objects_v2(self, Bucket: str, Prefix: str) -> list[dict]:
        places = {place[1]: body for place, body in self.objects.items() if place[0] == Bucket}
        found = [(key, body) for key, body in sorted(places.items()) if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "Size": len(body)}]} for key, body in found] or [{}]


class Hooked:
    """Calls `hook` before each call to what it stands for, with the call's name, and after it, with ""."""

    def __init__(self, target, hook: Callable[[str], None]):
        self._target, self._hook = target, hook

    def __getattr__(self, name: str):
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def call(*args, **kwargs):
            self._hook(name)
            answer = found(*args, **kwargs)
            self._hook("")
            return answer

        return call


def gated(*names: str) -> analyses.Analyses:
    """The packaged analyses, some of them with the gate."""
    packaged = analyses.packaged()
    changed = {name: replace(packaged.by_name[name], gate="run") for name in names}
    return replace(packaged, by_name=packaged.by_name | changed)


class World:
    """`hook` is called around every call to the ledger, to S3 and to a queue, as Hooked says."""

    def __init__(self, *names: str):
        self.table, self.bucket, self.sent = Table(), Versions(), []
        self.hook: Callable[[str], None] = lambda name: None
        self._numbers = itertools.count(1)
        hook = lambda name: self.hook(name)  # noqa: E731
        self.ledger = ledger = Ledger(self.table, lambda: "2026-01-01T00:00:00.000Z")
        settings = Settings(**{name: name for name in Settings.__dataclass_fields__})
        send = lambda QueueUrl, MessageBody: self.sent.append((QueueUrl, json.loads(MessageBody)))  # noqa: E731
        sqs = Hooked(SimpleNamespace(send_message=send), hook)
        sns = SimpleNamespace(publish=lambda **mail: self.sent.append(("topic", mail)))
        s3 = Hooked(self.bucket, hook)
        self.services = Services(settings, gated(*names), Hooked(ledger, hook), s3, None, sqs, sns)

    def drop(self, key: str, body: bytes = FASTQ) -> UploadVersion:
        order = next(self._numbers)
        self.bucket.put_object("landing", key, body, VersionId=f"v{order}")
        return UploadVersion("landing", key, f"v{order}", len(body), "etag", f"{order:X}")

    def take(self, key: str, body: bytes = FASTQ) -> UploadVersion:
        """Drop a file and validate it, and whatever that sends to validate."""
        version = self.drop(key, body)
        validate(self.services, version)
        self.settle()
        return version

    def settle(self, most: int = 100) -> None:
        for _ in range(most):
            body = next((body for queue, body in self.sent if queue == "validate_queue"), None)
            if body is None:
                return
            self.sent.remove(("validate_queue", body))
            for version in landed_versions(body):
                validate(self.services, version)
        raise AssertionError("messages without end")

    def delete(self, version: UploadVersion) -> None:
        del self.bucket.objects["landing", version.key, version.version_id]

    def upload(self, version: UploadVersion) -> Upload:
        return self.ledger.upload(version.id)

    def states(self, *versions: UploadVersion) -> list[str]:
        return [self.upload(version).state for version in versions]

    @property
    def gone_on(self) -> set[str]:
        """Ids of uploads that were sent to what comes after validation."""
        bodies = [body for queue, body in self.sent if queue in ("transform_queue", "archive_queue")]
        return {body.get("upload") or body["attempt"].split("-")[0] for body in bodies}

    @property
    def mails(self) -> list[dict]:
        return [mail for queue, mail in self.sent if queue == "topic"]

    def snapshot(self) -> tuple[dict, dict]:
        return dict(self.table.items), dict(self.bucket.objects)

    def back_to(self, snapshot: tuple[dict, dict]) -> None:
        self.table.items, self.bucket.objects, self.sent[:] = dict(snapshot[0]), dict(snapshot[1]), []


def manifest(*files: tuple[str, int | None]) -> bytes:
    entries = [{"name": name} if size is None else {"name": name, "size": size} for name, size in files]
    return json.dumps({"files": entries}).encode()
