"""After an upgrade, models and code of the results bucket are found in the models bucket, and nothing fails before."""

import json

import pytest
from seqdrop.aws import keys
from seqdrop.errors import NotMigratedError
from seqdrop.models import pointers
from seqdrop.models.archives import current_archive, push_archive
from seqdrop.models.code_bundles import push_code, push_program
from seqdrop.stages import migration
from seqdrop.stages.migration import check_migration, is_migrated, migrate
from seqdrop.stages.reconcile.reconcile import reconcile

from local.testing import make_model_archive

OLD, NEW, NEWEST = (make_model_archive({"config.json": json.dumps({"version": number})}) for number in range(3))
POINTERS = [keys.model_pointer("m"), keys.PROCESSING_POINTER, keys.program_pointer("protein")]


@pytest.fixture
def earlier(services):
    """Return what an earlier version stored in the results bucket: objects without checksums."""
    s3 = services.s3
    push_archive(s3, "results", "m", OLD, "t1")
    push_archive(s3, "results", "m", NEW, "t2")
    push_code(s3, "results", b"packages", "t1")
    push_program(s3, "results", "protein", b"code", "t1")
    s3.put_object(Bucket="results", Key="models/m/v1/card.json", Body=b"{}")
    s3.put_object(Bucket="results", Key="receipts/a.json", Body=b"{}")
    bodies = {key: s3.get_object(Bucket="results", Key=key)["Body"].read() for key in list_keys(s3, "results")}
    for key, body in bodies.items():
        s3.put_object(Bucket="results", Key=key, Body=body)
    return {key: body for key, body in bodies.items() if key.startswith(keys.MODELS)}


def list_keys(s3, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def read_all(s3, bucket: str) -> dict[str, bytes]:
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in list_keys(s3, bucket)}


def test_everything_is_copied_once_and_the_originals_stay(services, earlier):
    assert migrate(services) == len(earlier)
    assert read_all(services.s3, "models") == earlier
    assert earlier.items() <= read_all(services.s3, "results").items()
    assert is_migrated(services)
    assert migrate(services) == 0


def test_copies_have_the_checksums_that_jobs_need(services, earlier):
    migrate(services)
    archive = current_archive(services.s3, "models", "m")
    head = services.s3.head_object(Bucket="models", Key=archive.key, ChecksumMode="ENABLED")
    assert "ChecksumSHA256" in head
    assert archive.pinned(services.s3, "models").etag == head["ETag"].strip('"')


@pytest.mark.parametrize("pointer", POINTERS)
def test_a_stage_waits_for_a_pointer_that_is_not_copied_yet(services, earlier, pointer):
    with pytest.raises(NotMigratedError, match=f"not yet copied {pointer}"):
        check_migration(services, pointer)
    migrate(services)
    check_migration(services, pointer)


def test_in_a_new_stack_nothing_waits(services):
    for pointer in POINTERS:
        check_migration(services, pointer)
    assert migrate(services) == 0
    assert is_migrated(services)


def test_a_pointer_that_is_planted_later_is_not_adopted(services, earlier):
    migrate(services)
    push_archive(services.s3, "results", "m", NEWEST, "t3")
    push_archive(services.s3, "results", "planted", NEWEST, "t3")
    check_migration(services, keys.model_pointer("planted"))
    assert migrate(services) == 0
    assert read_all(services.s3, "models") == earlier


def test_a_pointer_is_copied_after_the_objects_that_it_names(services, earlier, monkeypatch):
    """A run that is killed after any number of copies never leaves a pointer without its objects."""
    copy = migration._copy
    copied = []
    monkeypatch.setattr(migration, "_copy", lambda services, key, size: (copy(services, key, size), copied.append(key)))
    migrate(services)
    for pointer in POINTERS:
        current = pointers.read(services.s3, "models", pointer)["current"]
        place = current.get("key") or current["prefix"]
        named = [key for key in earlier if key.startswith(place)]
        assert named
        assert all(copied.index(key) < copied.index(pointer) for key in named)
    assert sorted(copied) == sorted(earlier)


@pytest.mark.parametrize("after", range(9))
def test_an_interrupted_run_is_continued_by_the_next(services, earlier, monkeypatch, after):
    copy, calls = migration._copy, iter(range(100))

    def die(services, key: str, size: int) -> None:
        if next(calls) == after:
            raise KeyboardInterrupt
        copy(services, key, size)

    with monkeypatch.context() as patch:
        patch.setattr(migration, "_copy", die)
        with pytest.raises(KeyboardInterrupt):
            migrate(services)
    assert not is_migrated(services)
    migrate(services)
    assert read_all(services.s3, "models") == earlier


def test_a_run_stops_when_its_time_is_over(services, earlier, monkeypatch):
    monkeypatch.setattr(migration, "BUDGET", -migration.BUDGET)
    assert migrate(services) == 0
    assert not is_migrated(services)
    monkeypatch.undo()
    assert migrate(services) == len(earlier)


def test_a_push_before_the_copy_stays_current_and_earlier_targets_follow_it(services, earlier):
    newest = push_archive(services.s3, "models", "m", NEWEST, "t3")
    migrate(services)
    pointer = pointers.read(services.s3, "models", keys.model_pointer("m"))
    before = json.loads(earlier[keys.model_pointer("m")])
    assert pointer["current"]["digest"] == newest.digest
    assert pointer["history"] == [before["current"], *before["history"]]


def test_a_copy_in_parts_gets_its_etag_into_the_pointer(services, earlier, monkeypatch):
    """S3 has no SHA-256 of an object that is copied in parts, so its bytes are read once, here."""
    monkeypatch.setattr(migration.multipart, "needs_multipart", lambda size: size == len(NEW))
    monkeypatch.setattr(migration, "copy_object", copy_without_checksum)
    migrate(services)
    archive = current_archive(services.s3, "models", "m")
    head = services.s3.head_object(Bucket="models", Key=archive.key)
    assert archive.etag == head["ETag"].strip('"')


def copy_without_checksum(s3, source, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=s3.get_object(Bucket=source.bucket, Key=source.key)["Body"].read())


def test_the_reconciler_copies_them(services, earlier):
    assert reconcile(services)["errors"] == 0
    assert read_all(services.s3, "models") == earlier
