"""A world whose uploads are archived, alone or in a bundle, and restored. S3's events may be lost."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.runtime.events import parse_restore_event
from seqdrop.runtime.services import iso
from seqdrop.stages.archive.receipts import read_receipt
from seqdrop.stages.restore.requests import Wishes, make_plan, request_restore
from seqdrop.stages.restore.restore import restore
from seqdrop.stages.restore.waiting import note_event

from tests.support.aws.clock import Clock
from tests.unit.stages.finishing import FinishingWorld

if TYPE_CHECKING:
    import pytest
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.uploads import UploadVersion

HOUR, DAY = 3600, 24 * 3600


class RestoringWorld(FinishingWorld):
    """A world with one clock for S3 and Seqdrop. `events` are those of restores that S3 sent, with their times."""

    def __init__(self, patch: pytest.MonkeyPatch):
        clock = Clock()
        super().__init__()
        self.clock, self.asked = clock, []
        self.account.clock = self.account.s3._clock = clock
        self.ledger._now = lambda: iso(clock.now)
        patch.setattr("seqdrop.clock.utc_now", lambda: clock.now)
        self.account.s3._on_restore = self._on_restore
        self.events: list[tuple[float, dict]] = []

    def _on_restore(self, bucket, version, is_there) -> None:
        self.asked.append(version.key)
        item = {"key": version.key, "version-id": version.id, "size": len(version.body)}
        detail = {"bucket": {"name": bucket.name}, "object": item}
        times = {"Object Restore Completed": version.restore.ready, "Object Restore Expired": version.restore.gone}
        for kind, at in times.items():
            self.events.append((at, {"source": "aws.s3", "detail-type": kind, "detail": detail}))

    # -- restores --

    def restore(self, *versions: UploadVersion, days: int = 7, tier: str = "Bulk", name: str = "r1", **wishes) -> None:
        plan, missing = make_plan(self.services, [self.upload(version) for version in versions])
        assert not missing
        request_restore(self.services, plan, Wishes("run7", tier, days, **wishes), name)
        self.work_off()

    def request(self, name: str = "r1") -> RestoreRequest:
        return self.ledger.find_restore(name)

    def work_off(self) -> None:
        """Deliver the messages of restore that are due, without those that continue to look at a batch job."""
        for _ in range(1000):
            body = next((body for queue, body in self.sent if queue == "restore_queue"), None)
            if body is None:
                return
            self.sent.remove(("restore_queue", body))
            self.take_message(body)
        raise AssertionError("restore sends messages for ever")

    def take_message(self, body: dict) -> None:
        if "restore" in body:
            restore(self.services, body["restore"], body.get("revision", ""))
        else:
            note_event(self.services, parse_restore_event(body))

    def pass_time(self, seconds: float, *, lost: bool = False, times: int = 1) -> None:
        """Let time pass, and deliver the events that S3 sent in it, each `times` times, unless they are lost."""
        self.clock.advance(seconds)
        now = self.clock.now.timestamp()
        due = [event for at, event in sorted(self.events, key=lambda entry: entry[0]) if at <= now]
        self.events = [(at, event) for at, event in self.events if at > now]
        for event in [] if lost else due * times:
            self.take_message(event)
        self.work_off()

    # -- bundles --

    def bundle(self, *versions: UploadVersion) -> str:
        """Move the archived copies of some uploads into one tar of the archive bucket; return its key."""
        s3, stream = self.account.s3, io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for version in versions:
                body = s3.read("archive", self.upload(version).archive_key)
                member = tarfile.TarInfo(version.key.rsplit("/", 1)[1])
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
        content, key = stream.getvalue(), "bundles/seqdrop-bundle-0123456789abcdef.tar"
        copy = s3.put("archive", key, content, storage="DEEP_ARCHIVE")
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            members = {member.name: member for member in tar.getmembers()}
        for version in versions:
            upload = self.upload(version)
            receipt = read_receipt(self.services.s3, "results", upload.id)
            s3.buckets["archive"].keys.pop(upload.archive_key)
            place = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "index": "none"}
            name = version.key.rsplit("/", 1)[1]
            receipt["archive"] |= {
                "key": key,
                "version_id": copy.id,
                "bundle": {"name": name, "offset": members[name].offset_data, **place},
            }
            self.services.put_json("results", f"receipts/{upload.id}.json", receipt)
            assert self.ledger.note(upload, archive_key=key)
        return key

    def with_settings(self, **settings) -> None:
        self.services = replace(self.services, settings=replace(self.services.settings, **settings))
