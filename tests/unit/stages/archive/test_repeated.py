"""A file that is archived already has no job and no second copy, and is deleted only if its copy is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from botocore.exceptions import ClientError
from seqdrop import clock
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.records import Step
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.archive.archived_uploads import record_files
from seqdrop.stages.operator.replay import plan_replay
from seqdrop.stages.validate.validate import validate

from tests.unit.stages.finishing import ON_PURPOSE, FinishingWorld
from tests.unit.stages.mates import fastq

READS, RAW = "reads/run7/a.fastq", "raw/run7/a.fastq"
BODY, OTHER = fastq(1), fastq(2)


@pytest.fixture
def world() -> FinishingWorld:
    return FinishingWorld()


@pytest.fixture
def copy_of(world):
    """Return a function that returns the archive key of an upload."""
    return lambda version: world.upload(version).archive_key


@pytest.mark.parametrize("key", [READS, RAW])
def test_the_same_file_is_neither_predicted_nor_copied_again(world, key):
    first = world.process(key.replace("a.", "single."), BODY)
    attempts = world.attempts
    second = world.take(first.key, BODY)
    assert world.sent[-1] == ("archive_queue", {"upload": second.id})
    archive(world.services, second.id)
    assert world.states(first, second) == ["ARCHIVED", "DUPLICATE"]
    assert world.upload(second).duplicate_of == first.id
    assert (world.copies, world.attempts, world.is_landed(second)) == ([first.id], attempts, False)


@pytest.mark.parametrize(("key", "body"), [("raw/run7/b.fastq", BODY), (RAW, OTHER), (RAW, fastq(1, range(4)))])
def test_another_name_or_other_bytes_are_another_file(world, key, body):
    first, second = world.process(RAW, BODY), world.process(key, body)
    assert world.states(first, second) == ["ARCHIVED", "ARCHIVED"]
    assert sorted(world.copies) == sorted([first.id, second.id])


@pytest.mark.parametrize("key", [READS, RAW])
def test_a_file_that_is_sent_again_on_purpose_is_processed(world, key):
    first = world.process(key, BODY)
    attempts = world.attempts
    second = world.process(key, BODY, about=ON_PURPOSE)
    third = world.process(key, BODY)
    assert world.states(first, second, third) == ["ARCHIVED", "ARCHIVED", "DUPLICATE"]
    assert (len(world.copies), world.attempts) == (2, 2 * attempts)
    assert world.upload(third).duplicate_of == second.id  # the newest copy


def test_a_file_that_was_archived_while_an_equal_one_was_predicted_is_not_copied_again(world):
    first, second = world.take(READS, BODY), world.take(READS, BODY)
    assert world.attempts == 2
    for version in (second, first):
        world.finish(version)
    assert world.states(first, second) == ["DUPLICATE", "ARCHIVED"]
    assert (world.copies, world.ledger.attempts(first.id)[0].state) == ([second.id], "PREDICTED")


def test_of_two_equal_files_that_become_due_together_one_is_copied(world):
    start = world.snapshot()
    orders = sorted({*permutations([0] * 4 + [1] * 4)})
    for number, order in enumerate(orders[::9]):
        world.back_to(start)
        versions = [world.take(RAW, BODY) for _ in range(2)]
        turns = iter(order)

        def choose(alive: list[int], turns=turns) -> int:
            wanted = next(turns, alive[0])
            return wanted if wanted in alive else alive[0]

        world.take_turns([lambda version=version: archive(world.services, version.id) for version in versions], choose)
        for version in versions:  # the reconciler sends the message of an upload that waited for the other
            archive(world.services, version.id)
        assert sorted(world.states(*versions)) == ["ARCHIVED", "DUPLICATE"], f"order {number}: {order}"
        assert len(world.copies) == 1, f"order {number}: {order}"


def test_the_claim_of_an_upload_that_was_deleted_is_taken_over(world):
    first, second = world.take(RAW, BODY), world.take(RAW, BODY)
    file = ArchivedFile.of(world.upload(first))
    world.ledger.save(file.with_upload(first.id))
    archive(world.services, second.id)
    assert world.states(first, second) == ["VALIDATED", "VALIDATED"]  # the first may be copied at this moment
    world.delete(first)
    archive(world.services, first.id)
    archive(world.services, second.id)
    assert world.states(first, second) == ["WITHDRAWN", "ARCHIVED"]


def cover(world, key: str) -> None:
    world.account.s3.delete("archive", key)


def remove(world, key: str) -> None:
    bucket = world.account.s3.buckets["archive"]
    bucket.remove(key, bucket.current(key).id)


def replace_version(world, key: str) -> None:
    """Put an equal object over the copy, which the receipt does not name."""
    old = world.account.s3.buckets["archive"].current(key)
    world.account.s3.put("archive", key, old.body, storage=old.storage, sha256=True)


def change(**fields):
    def act(world, key: str) -> None:
        versions = world.account.s3.buckets["archive"].keys[key]
        versions[-1] = replace(versions[-1], **fields)

    return act


def expire_in(days: int):
    date = (datetime.now(UTC) + timedelta(days=days)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return change(about={"Expiration": f'expiry-date="{date}", rule-id="old"'})


@pytest.mark.parametrize(
    "act",
    [cover, remove, replace_version, change(storage="STANDARD"), change(body=BODY[:-1]), expire_in(20)],
    ids=["delete marker", "deleted", "replaced", "storage class", "other bytes", "about to expire"],
)
def test_a_copy_that_cannot_be_relied_on_makes_the_file_new(world, copy_of, act):
    first = world.process(READS, BODY)
    second = world.take(READS, BODY)
    act(world, copy_of(first))
    archive(world.services, second.id)
    world.deliver()
    assert world.is_landed(second)
    assert (world.states(second), len(world.ledger.attempts(second.id))) == (["VALIDATED"], 1)
    world.finish(second)
    assert (world.states(second), world.upload(second).duplicate_of) == (["ARCHIVED"], "")
    third = world.process(READS, BODY)
    assert world.upload(third).duplicate_of == second.id


def test_a_copy_that_expires_in_years_is_kept(world, copy_of):
    first = world.process(RAW, BODY)
    expire_in(3000)(world, copy_of(first))
    assert world.states(world.process(RAW, BODY)) == ["DUPLICATE"]


@pytest.mark.parametrize("call", ["head_object", "get_object", "delete_object"])
def test_no_error_of_s3_is_taken_for_a_copy_that_is_gone(world, monkeypatch, call):
    world.process(RAW, BODY)
    second = world.take(RAW, BODY)
    error = ClientError({"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, call)

    def fail(**_) -> None:
        raise error

    monkeypatch.setattr(world.services.s3, call, fail)
    with pytest.raises(ClientError):
        archive(world.services, second.id)
    monkeypatch.undo()
    assert (world.states(second), world.is_landed(second)) == (["VALIDATED"], True)
    archive(world.services, second.id)
    assert world.states(second) == ["DUPLICATE"]


def test_after_a_crash_after_the_deletion_the_upload_is_a_duplicate_and_not_withdrawn(world, monkeypatch):
    world.process(RAW, BODY)
    second = world.take(RAW, BODY)
    monkeypatch.setattr(type(world.ledger), "move_together", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        archive(world.services, second.id)
    monkeypatch.undo()
    assert not world.is_landed(second)
    archive(world.services, second.id)
    assert world.states(second) == ["DUPLICATE"]


def test_a_duplicate_that_the_lab_deletes_first_is_withdrawn(world):
    world.process(RAW, BODY)
    second = world.take(RAW, BODY)
    world.delete(second)
    archive(world.services, second.id)
    assert world.states(second) == ["WITHDRAWN"]


def test_a_duplicate_that_the_lab_deletes_below_a_newer_version_is_withdrawn(world):
    """Its key is still there, so a look at the key alone does not show it."""
    first = world.process(RAW, BODY)
    second, third = world.take(RAW, BODY), world.drop(RAW, OTHER)
    world.delete(second)
    archive(world.services, second.id)
    assert world.states(first, second) == ["ARCHIVED", "WITHDRAWN"]
    assert world.is_landed(third)


def test_a_message_that_arrives_twice_changes_nothing(world):
    world.process(RAW, BODY)
    second = world.process(RAW, BODY)
    before = world.snapshot()
    validate(world.services, second)
    archive(world.services, second.id)
    assert world.snapshot() == before


def test_uploads_that_earlier_versions_archived_are_recorded_once(world, monkeypatch):
    first = world.process(RAW, BODY)
    items = world.account.table.snapshot()
    world.account.table.restore({place: item for place, item in items.items() if not place[0].startswith("ARCHIVED#")})
    assert world.states(world.take(RAW, BODY)) == ["VALIDATED"]
    monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=1))
    record_files(world.services)
    items = world.account.table.snapshot()
    record_files(world.services)
    assert world.account.table.snapshot() == items
    assert world.states(world.process(RAW, BODY)) == ["DUPLICATE"]
    assert world.copies == [first.id]


def test_the_record_of_a_file_expires_with_its_upload(world):
    world.ledger._keep_days = 30
    first = world.process(RAW, BODY)
    file = world.ledger.archived_file(ArchivedFile.of(world.upload(first)))
    assert file.upload == first.id
    assert file.expires_at
    second = world.process(RAW, BODY)
    assert world.upload(second).expires_at
    world.expire_record(first)
    assert world.states(world.process(RAW, BODY)) == ["ARCHIVED"]


def test_the_report_says_as_which_upload_the_file_was_archived_before(world):
    first, second = world.process(RAW, BODY), world.process(RAW, BODY)
    assert "archived_before" not in world.read_json("reports", first)
    assert world.read_json("reports", second)["archived_before"] == first.id
    page = world.account.s3.read("results", f"reports/{second.id}.html").decode()
    assert f"as upload {first.id}" in page


def test_a_replay_of_a_duplicate_names_the_upload_to_replay(world):
    first, second = world.process(READS, BODY), world.process(READS, BODY)
    plan = plan_replay(world.services, world.upload(second))
    assert plan.refused
    assert first.id in plan.summary


def test_the_record_has_no_name_of_a_file(world):
    version = world.process(RAW, BODY)
    (item,) = (item for place, item in world.account.table.items.items() if place[0].startswith("ARCHIVED#"))
    assert "a.fastq" not in str(item)
    assert item["upload"] == {"S": version.id}


def test_an_upload_that_a_person_reads_again_is_no_duplicate(world):
    first = world.process(READS, BODY)
    second = world.take(READS, BODY, about=ON_PURPOSE)
    world.ledger.move_together([Step(world.upload(second), "RECEIVED", {"read_for": 2})])
    validate(world.services, second)
    assert (world.states(first, second), world.upload(second).duplicate_of) == (["ARCHIVED", "VALIDATED"], "")
