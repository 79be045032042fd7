"""Two steps: a request waits and can be taken back; then exactly the archived version goes, and a tombstone stays."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace

import pytest
from seqdrop.aws import keys
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import Services, format_json, now
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.bundle.left_out import LeftOut, write_left_out
from seqdrop.stages.forget import request
from seqdrop.stages.forget.forget import forget, forget_bundle
from seqdrop.stages.reconcile import forgotten
from seqdrop.stages.reconcile.forgetting import check_forgetting
from seqdrop.stages.reconcile.forgotten import notify_of_forgotten
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.aws.errors import RefusedError
from tests.support.services import direct_services

BODY = b"@r\nACGT\n+\nIIII\n"
DAY = 86_400


class World:
    """An account with archived uploads, under a clock that the test advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.clock = Clock()
        self.account = Account(clock=self.clock)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: self.clock.now)
        self.services = replace(direct_services(self.account), ledger=Ledger(Table(self.account), now, keep_days=100))
        self.ledger = self.services.ledger

    def add(self, key: str, body: bytes = BODY) -> str:
        """Archive a file; return its upload id."""
        landed = self.account.s3.put("landing", key, body)
        version = UploadVersion("landing", key, landed.id, len(body), landed.etag, landed.sequencer)
        self.ledger.create(Upload.from_version(version, "raw"))
        self.ledger.move(self.upload(version.id), "VALIDATED", sha256=hashlib.sha256(body).hexdigest())
        archive(self.services, version.id)
        assert self.upload(version.id).state == "ARCHIVED"
        return version.id

    def bundle(self, count: int) -> tuple[str, list[str]]:
        """Archive files, and change their records and receipts to those of one bundle; return its key and their ids."""
        ids = [self.add(f"raw/r/{number}.txt", bytes([65 + number])) for number in range(count)]
        tar = self.account.s3.put("archive", "raw/r/seqdrop-bundle-0123456789abcdef.tar", b"tar")
        index = "runs/raw/r/seqdrop-bundle-0123456789abcdef.tar.index.tsv"
        rows = [
            f"{512 + 1024 * n}\t1\t00000000\t{'0' * 64}\t2026-12-01T03:00:00.123456Z\t{n}.txt" for n in range(count)
        ]
        title = f"#seqdrop-bundle\t1\tseqdrop-bundle-0123456789abcdef.tar\t{count}\t{count}"
        columns = "offset\tsize\tcrc32\tsha256\tmodified\tname"
        self.account.s3.put("results", index, ("\n".join([title, columns, *rows]) + "\n").encode())
        for number, upload_id in enumerate(ids):
            receipt = self.read(keys.receipt(upload_id))
            place = {"name": f"{number}.txt", "offset": 512, "size": 3, "sha256": "0" * 64, "index": index}
            receipt["archive"] |= {"key": tar.key, "version_id": tar.id, "bundle": place}
            self.account.s3.put("results", keys.receipt(upload_id), format_json(receipt))
            self.ledger.note(self.upload(upload_id), archive_key=tar.key)
        return tar.key, ids

    def upload(self, upload_id: str):
        return self.ledger.find_upload(upload_id)

    def read(self, key: str) -> dict:
        return json.loads(self.account.s3.read("results", key))

    def ask(self, upload_id: str, **more) -> None:
        assert request.ask(self.services, self.upload(upload_id), request.Request("end of project", **more))

    def copies(self) -> list[str]:
        return sorted(key for key, versions in self.account.s3.buckets["archive"].keys.items() if versions)

    @property
    def mails(self) -> list[str]:
        return [body["Subject"] for queue, body in self.account.sent if queue == "topic"]


@pytest.fixture
def world(monkeypatch) -> World:
    return World(monkeypatch)


def test_a_copy_is_deleted_when_the_request_is_due_and_not_before(world):
    first, other = world.add("raw/a.fq"), world.add("raw/b.fq")
    world.ask(first)
    assert world.upload(first).expires_at == 0, "a record that waits must not expire"
    forget(world.services, first)
    assert (world.upload(first).state, len(world.copies())) == ("FORGETTING", 2)
    world.clock.advance(7 * DAY)
    forget(world.services, first)
    assert world.upload(first).state == "FORGOTTEN"
    assert world.upload(first).expires_at > 0
    assert world.copies() == [world.upload(other).archive_key]
    tombstone, receipt = world.read(keys.tombstone(first)), world.read(keys.receipt(first))
    assert tombstone["archive"] == receipt["archive"]
    assert (tombstone["reason"], tombstone["results"]) == ("end of project", [])
    assert tombstone["receipt"]["sha256"] == world.upload(first).receipt_sha256


def test_only_the_version_of_the_receipt_is_deleted(world):
    upload_id = world.add("raw/a.fq")
    newer = world.account.s3.put("archive", world.upload(upload_id).archive_key, b"another version")
    world.ask(upload_id)
    world.clock.advance(7 * DAY)
    forget(world.services, upload_id)
    versions = world.account.s3.buckets["archive"].keys[newer.key]
    assert [version.id for version in versions] == [newer.id]


def test_a_request_is_taken_back_until_the_deletion_begins(world):
    upload_id = world.add("raw/a.fq")
    world.ask(upload_id)
    assert request.cancel(world.services, world.upload(upload_id))
    world.clock.advance(8 * DAY)
    forget(world.services, upload_id)
    upload = world.upload(upload_id)
    assert (upload.state, upload.forget_due_at, len(world.copies())) == ("ARCHIVED", "", 1)
    world.ask(upload_id)
    world.ledger.note(world.upload(upload_id), forget_begun_at=now())
    assert request.explain_no_cancel(world.upload(upload_id)) == "its deletion has begun"


def test_a_file_that_is_dropped_again_after_it_was_forgotten_is_a_new_upload(world):
    first = world.add("raw/a.fq")
    world.ask(first)
    second = world.add("raw/a.fq")  # also while the deletion of the first waits
    world.clock.advance(7 * DAY)
    forget(world.services, first)
    assert (world.upload(second).state, world.copies()) == ("ARCHIVED", [world.upload(second).archive_key])
    assert world.ledger.archived_file(ArchivedFile.of(world.upload(second))).upload == second
    world.ask(second)
    world.clock.advance(7 * DAY)
    forget(world.services, second)
    assert world.ledger.archived_file(ArchivedFile.of(world.upload(second))).upload == ""
    third = world.add("raw/a.fq")
    assert world.upload(third).duplicate_of == ""


def test_results_are_deleted_only_on_request_and_named_in_the_tombstone(world):
    kept, gone = world.add("raw/a.fq"), world.add("raw/b.fq")
    for upload_id in (kept, gone):
        world.ledger.create(Attempt("PLANNED", upload_id=upload_id, analysis="reads"))
        world.account.s3.put("results", keys.result("reads", upload_id, 1, "summary.json"), b"{}")
        world.account.s3.put("results", keys.report(upload_id), b"{}")
        world.ask(upload_id, with_results=upload_id == gone)
    world.clock.advance(7 * DAY)
    for upload_id in (kept, gone):
        forget(world.services, upload_id)
    left = [key for key, versions in world.account.s3.buckets["results"].keys.items() if versions and gone in key]
    assert sorted(left) == [keys.receipt(gone), keys.tombstone(gone)]
    assert keys.upload_results("reads", gone) in world.read(keys.tombstone(gone))["results"]
    assert world.account.s3.read("results", keys.result("reads", kept, 1, "summary.json")) == b"{}"


def refuse(world: World, monkeypatch) -> None:
    def delete_object(*_):
        raise RefusedError("AccessDenied", "Access Denied because object protected by object lock.", 403)

    monkeypatch.setattr(world.account.s3, "delete_object", delete_object)


def test_a_deletion_that_s3_refuses_is_mailed_and_the_upload_stays_archived(world, monkeypatch):
    upload_id = world.add("raw/a.fq")
    world.ask(upload_id)
    world.clock.advance(7 * DAY)
    head = world.account.s3.head_object
    until = {"ObjectLockRetainUntilDate": world.clock.now}
    monkeypatch.setattr(world.account.s3, "head_object", lambda request, headers: head(request, headers) | until)
    with monkeypatch.context() as refusing:
        refuse(world, refusing)
        forget(world.services, upload_id)
    assert (world.upload(upload_id).state, len(world.copies())) == ("ARCHIVED", 1)
    assert world.mails == ["Seqdrop did not forget raw/a.fq"]
    assert f"Object Lock keeps the version until {world.clock.now.isoformat()}" in world.account.sent[-1][1]["Message"]


@pytest.mark.parametrize("damage", ["lost", "of another", "without version"])
def test_without_a_receipt_that_names_the_version_nothing_is_deleted(world, damage):
    upload_id, other = world.add("raw/a.fq"), world.add("raw/b.fq")
    world.ask(upload_id)
    receipt = world.read(keys.receipt(other if damage == "of another" else upload_id))
    if damage == "lost":
        world.account.s3.delete("results", keys.receipt(upload_id))
    else:
        receipt["archive"]["version_id"] = None if damage == "without version" else receipt["archive"]["version_id"]
        world.account.s3.put("results", keys.receipt(upload_id), format_json(receipt))
    world.clock.advance(7 * DAY)
    forget(world.services, upload_id)
    assert (world.upload(upload_id).state, len(world.copies())) == ("ARCHIVED", 2)
    assert world.mails == ["Seqdrop did not forget raw/a.fq"]


def test_a_bundle_is_deleted_when_all_its_files_are_forgotten(world):
    tar, (first, second, third) = world.bundle(3)
    world.ask(first)
    world.ask(second)
    world.clock.advance(7 * DAY)
    forget(world.services, first)
    forget_bundle(world.services, tar)
    assert {world.upload(name).state for name in (first, second)} == {"FORGETTING"}
    assert {world.upload(name).forget_begun_at for name in (first, second)} == {""}
    assert tar in world.copies()
    world.ask(third)
    forget_bundle(world.services, tar)
    assert tar in world.copies(), "the third is not due"
    world.clock.advance(7 * DAY)
    forget_bundle(world.services, tar)
    assert {world.upload(name).state for name in (first, second, third)} == {"FORGOTTEN"}
    assert tar not in world.copies()
    assert world.read(keys.tombstone(third))["archive"]["bundle"]["name"] == "2.txt"


def test_a_file_that_was_left_out_of_a_bundle_does_not_keep_it(world):
    tar, (first, second, third) = world.bundle(3)
    version = world.account.s3.buckets["archive"].current(tar)
    write_left_out(world.services, tar, LeftOut(version.id, ["2.txt"]))
    world.ledger.note(world.upload(third), archive_key="")
    world.ask(first)
    world.clock.advance(7 * DAY)
    forget_bundle(world.services, tar)
    assert tar in world.copies(), "the second is kept"
    world.ask(second)
    world.clock.advance(7 * DAY)
    forget_bundle(world.services, tar)
    assert tar not in world.copies()
    assert {world.upload(name).state for name in (first, second)} == {"FORGOTTEN"}


def test_deletions_that_are_done_are_mailed_once_and_together(world):
    ids = [world.add(f"raw/{number}.fq", bytes([65 + number])) for number in range(3)]
    for upload_id in ids:
        world.ask(upload_id)
    world.clock.advance(7 * DAY)
    for upload_id in ids:
        forget(world.services, upload_id)
        assert notify_of_forgotten(world.services) == {}
        world.clock.advance(60)
    assert world.mails == []
    for _ in range(3):
        world.clock.advance(3600)
        notify_of_forgotten(world.services)
    assert world.mails == ["Seqdrop forgot 3 archived files"]
    assert all(upload_id in world.account.sent[-1][1]["Message"] for upload_id in ids)
    last = world.add("raw/last.fq")
    world.ask(last)
    world.clock.advance(7 * DAY)
    forget(world.services, last)
    world.clock.advance(3600)
    notify_of_forgotten(world.services)
    assert world.mails[1:] == ["Seqdrop forgot 1 archived file"]


def test_very_many_deletions_are_mailed_in_portions_of_whole_moments(world, monkeypatch):
    monkeypatch.setattr(forgotten, "MOST", 3)
    for number in range(5):
        upload_id = world.add(f"raw/{number}.fq", bytes([65 + number]))
        world.ask(upload_id)
    world.clock.advance(7 * DAY)
    for upload in list(world.ledger.in_state("upload", "FORGETTING")):
        forget(world.services, upload.id)
        world.clock.advance(1)
    for _ in range(6):
        world.clock.advance(3600)
        notify_of_forgotten(world.services)
    counts = [int(subject.split()[2]) for subject in world.mails]
    assert sum(counts) == 5


def test_the_reconciler_sends_one_message_for_a_file_or_a_bundle_that_is_due(world):
    tar, (first, second) = world.bundle(2)
    alone = world.add("raw/a.fq")
    for upload_id in (first, second, alone):
        world.ask(upload_id)
    world.clock.advance(6 * DAY)
    assert check_forgetting(world.services) == 0
    world.clock.advance(DAY + 3600)
    assert check_forgetting(world.services) == 2
    bodies = [body for queue, body in world.account.sent if queue == "forget_queue"]
    assert sorted(bodies, key=str) == [{"bundle": tar}, {"upload": alone}]
    assert check_forgetting(world.services) == 0, "the next nudge is not due"


class CrashError(BaseException):
    """A crash, which no code of a function can catch."""


class Crashing:
    """A proxy that crashes before or after the call at a moment."""

    def __init__(self, target, moments: list[int]):
        self._target, self._moments = target, moments

    def __getattr__(self, name: str):
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def call(*args, **kwargs):
            self._pass()
            result = attribute(*args, **kwargs)
            self._pass()
            return result

        return call

    def _pass(self) -> None:
        self._moments[0] -= 1
        if self._moments[0] == 0:
            raise CrashError


def crashing(world: World, moments: list[int]) -> Services:
    """Return services of a world that crash at a moment."""
    s3, ledger = Crashing(world.services.s3, moments), Crashing(world.services.ledger, moments)
    return replace(world.services, s3=s3, ledger=ledger)


def crash_at(monkeypatch, moment: int, bundled: bool) -> bool:
    """Forget files with a crash at a moment, then again; return False if there was no such moment."""
    world = World(monkeypatch)
    tar, ids = world.bundle(2) if bundled else ("", [world.add("raw/a.fq")])
    for upload_id in ids:
        world.ask(upload_id, with_results=True)
    world.clock.advance(8 * DAY)
    crashed = False
    try:
        forget(crashing(world, [moment]), ids[0])
    except CrashError:
        crashed = True
    first = world.account.s3.read("results", keys.tombstone(ids[0]))
    for _ in range(2):  # the message comes again, and twice
        forget_bundle(world.services, tar) if bundled else forget(world.services, ids[0])
    assert {world.upload(upload_id).state for upload_id in ids} == {"FORGOTTEN"}, moment
    assert not set(world.copies()) & {tar, world.upload(ids[0]).archive_key}, moment
    assert first in (None, world.account.s3.read("results", keys.tombstone(ids[0]))), moment
    assert all(world.read(keys.tombstone(upload_id))["reason"] == "end of project" for upload_id in ids), moment
    assert world.mails == [], moment
    return crashed


@pytest.mark.parametrize("bundled", [False, True], ids=["object", "bundle"])
def test_after_a_crash_at_any_moment_the_next_message_completes_the_deletion(monkeypatch, bundled):
    moment = 1
    while crash_at(monkeypatch, moment, bundled):
        moment += 1
    assert moment > 12


def test_a_crash_between_the_deletion_and_the_tombstone_cannot_be_taken_back(monkeypatch):
    """Without the record that the deletion has begun, a request could be taken back when the copy is gone."""
    for moment in range(1, 40):
        world = World(monkeypatch)
        upload_id = world.add("raw/a.fq")
        world.ask(upload_id)
        world.clock.advance(8 * DAY)
        with contextlib.suppress(CrashError):
            forget(crashing(world, [moment]), upload_id)
        upload = world.upload(upload_id)
        if not request.explain_no_cancel(upload):
            assert len(world.copies()) == 1, moment
