"""A request for a restore, from the message to the mail, with S3's events on time, twice, late and never."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from seqdrop.ledger.moves import MOVES, UPLOAD
from seqdrop.ledger.records import Upload
from seqdrop.runtime.services import iso
from seqdrop.stages.reconcile.restores import check_objects, check_requests, expire_requests
from seqdrop.stages.restore.objects import read_status
from seqdrop.stages.restore.requests import explain_not_archived, read_plan
from seqdrop.uploads import upload_id

from tests.unit.stages.mates import fastq
from tests.unit.stages.restoring import DAY, HOUR, RestoringWorld

NAMES = ("a", "b", "c")


@pytest.fixture
def world(monkeypatch) -> RestoringWorld:
    return RestoringWorld(monkeypatch)


@pytest.fixture
def files(world):
    return [world.process(f"raw/run7/{name}.fastq", fastq(number)) for number, name in enumerate(NAMES)]


def test_objects_are_asked_for_once_and_the_lab_is_notified_when_the_last_is_back(world, files):
    world.restore(*files)
    assert (world.request().state, len(world.asked)) == ("RESTORING", 3)
    world.pass_time(47 * HOUR)
    assert (world.request().state, world.mails) == ("RESTORING", [])
    world.pass_time(2 * HOUR)
    request = world.request()
    assert (request.state, request.back, len(world.mails)) == ("RESTORED", 3, 1)
    assert "3 files" in world.mails[0]["Subject"]
    assert request.until == "2026-01-15T00:00:00.000Z"  # 7 days after it was ready, at midnight
    assert request.until[:16] in world.mails[0]["Message"]


def test_files_of_one_bundle_are_one_object(world, files):
    key = world.bundle(*files)
    world.restore(*files)
    assert (world.asked, world.request().files, world.request().objects) == ([key], 3, 1)


@pytest.mark.parametrize("times", [0, 2, 3])
def test_events_may_come_never_or_several_times(world, files, times):
    world.restore(*files)
    world.pass_time(49 * HOUR, lost=not times, times=times)
    if not times:
        assert world.request().state == "RESTORING"
        assert check_requests(world.services) == 1
        world.work_off()
    assert (world.request().state, len(world.mails), len(world.asked)) == ("RESTORED", 1, 3)


def test_an_overdue_object_is_looked_at_by_the_reconciler(world, files):
    world.restore(*files)
    world.pass_time(24 * HOUR)
    assert check_objects(world.services) == 0
    world.pass_time(25 * HOUR, lost=True)
    assert check_objects(world.services) == 3
    world.work_off()
    assert world.request().state == "RESTORED"


def test_what_is_restored_is_not_asked_for_again(world, files):
    world.restore(*files[:2])
    world.pass_time(49 * HOUR)
    world.restore(*files, name="r2")
    assert len(world.asked) == 3
    world.pass_time(49 * HOUR)
    assert world.request("r2").state == "RESTORED"


def test_an_object_that_two_requests_wait_for_is_asked_for_once(world, files):
    world.restore(files[0])
    world.restore(*files[:2], name="r2")
    assert len(world.asked) == 2
    world.pass_time(49 * HOUR)
    assert [world.request(name).state for name in ("r1", "r2")] == ["RESTORED", "RESTORED"]


def test_a_copy_that_would_expire_before_is_kept_for_longer(world, files):
    world.restore(files[0], days=2)
    world.pass_time(49 * HOUR)
    world.restore(files[0], days=30, name="r2")
    assert len(world.asked) == 2
    assert world.request("r2").state == "RESTORED"
    assert world.request("r2").until > world.request("r1").until


def test_a_request_expires_with_its_first_temporary_copy(world, files):
    world.restore(*files, days=1)
    world.pass_time(49 * HOUR)
    world.pass_time(3 * DAY)
    assert world.request().state == "EXPIRED"


def test_a_request_expires_also_if_the_event_is_lost(world, files):
    world.restore(*files, days=1)
    world.pass_time(49 * HOUR)
    world.pass_time(3 * DAY, lost=True)
    assert (world.request().state, expire_requests(world.services)) == ("RESTORED", 1)
    world.work_off()
    assert world.request().state == "EXPIRED"


def test_a_copy_that_expired_while_the_others_were_awaited_is_asked_for_again(world, files):
    world.restore(files[0], days=1, tier="Standard", name="r0")
    world.pass_time(13 * HOUR)
    world.restore(*files, days=1)  # the first is back, and expires before the others are
    assert len(world.asked) == 3
    world.pass_time(49 * HOUR)
    assert (world.request().state, world.request().round) == ("RESTORING", 2)
    world.pass_time(49 * HOUR)
    assert world.request().state == "RESTORED"
    assert world.request().until > iso(world.clock.now)
    plan = read_plan(world.services, "r1")
    assert all(read_status(world.services, item).until for item in plan.objects)


def test_an_object_that_is_gone_fails_and_the_mail_names_it(world, files):
    key = world.upload(files[1]).archive_key
    world.account.s3.buckets["archive"].keys.pop(key)
    world.restore(*files)
    world.pass_time(49 * HOUR)
    request = world.request()
    assert (request.state, request.failed) == ("FAILED", 1)
    assert request.failures == [f"{key}: it is no longer in the archive bucket"]
    assert key in world.mails[0]["Message"]
    assert "seqdrop restore" in world.mails[0]["Message"]


@pytest.mark.parametrize(
    ("code", "state"),
    [("SlowDown", "RESTORED"), ("GlacierExpeditedRetrievalNotAvailable", "RESTORED"), ("AccessDenied", "FAILED")],
)
def test_a_refusal_is_retried_or_recorded(world, files, code, state):
    tries, restore_object = [], world.services.s3.restore_object

    def refuse(**request):
        tries.append(request["Key"])
        if len(tries) == 2:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "RestoreObject")
        return restore_object(**request)

    world.services.s3.restore_object = refuse
    world.restore(*files)
    world.pass_time(49 * HOUR)
    assert world.request().state == state
    assert len(tries) == (4 if state == "RESTORED" else 3)


def test_classes_that_need_no_restore_are_readable_at_once(world, files):
    for version in files:
        upload = world.upload(version)
        copy = world.account.s3.buckets["archive"].current(upload.archive_key)
        world.account.s3.change("archive", upload.archive_key, copy.id, storage="GLACIER_IR")
    world.restore(*files)
    assert (world.request().state, world.asked, world.request().until) == ("RESTORED", [], "")
    assert "at any time" in world.mails[0]["Message"]


def test_a_restore_by_hand_is_left_alone(world, files):
    copy = world.account.s3.buckets["archive"].current(world.upload(files[0]).archive_key)
    world.services.s3.restore_object(Bucket="archive", Key=copy.key, RestoreRequest={"Days": 1})
    world.pass_time(13 * HOUR)
    assert [queue for queue, _ in world.sent if queue == "restore_queue"] == []
    assert world.ledger.find_archive_object(upload_id("archive", copy.key, copy.id)) is None


STATES = sorted({move.target for move in MOVES if move.kind == UPLOAD})


@pytest.mark.parametrize("state", STATES)
def test_each_state_but_archived_has_a_reason_why_there_is_nothing_to_restore(state):
    assert bool(explain_not_archived(Upload(state, id="ID", reason="truncated"))) is (state != "ARCHIVED")
