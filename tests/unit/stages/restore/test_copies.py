"""Restored files that are processed again, or kept: every copy once, bit for bit, whatever crashes."""

from __future__ import annotations

import pytest
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.duplicates import RESTORED
from seqdrop.stages.restore import copies
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.mates import fastq
from tests.unit.stages.restoring import DAY, HOUR, RestoringWorld

BODIES = {f"raw/run7/{name}.fasta": b">c%d\n" % number + b"ACGTTGCA" * 100 + b"\n" for number, name in enumerate("ab")}


@pytest.fixture
def world(monkeypatch) -> RestoringWorld:
    return RestoringWorld(monkeypatch)


@pytest.fixture
def files(world):
    return [world.process(key, body) for key, body in BODIES.items()]


def landed(world) -> dict[str, bytes]:
    keys = world.account.s3.buckets["landing"].keys
    return {key: versions[-1].body for key, versions in keys.items()}


def take_landed(world) -> list[UploadVersion]:
    """Validate, predict and archive what landed again."""
    versions = []
    for item in [versions[-1] for versions in world.account.s3.buckets["landing"].keys.values()]:
        version = UploadVersion("landing", item.key, item.id, len(item.body), item.etag, item.sequencer)
        validate(world.services, version)
        versions.append(version)
    world.deliver()
    for version in versions:
        world.predict(version)
        archive(world.services, version.id)
    return versions


@pytest.mark.parametrize("bundled", [False, True])
def test_restored_files_are_processed_again_and_not_archived_again(world, files, bundled):
    if bundled:
        world.bundle(*files)
    copied = len(world.copies)
    world.restore(*files, run="contigs")
    assert landed(world) == {}
    world.pass_time(49 * HOUR)
    assert world.request().state == "RESTORED"
    assert landed(world) == {key.replace("raw/", "contigs/"): body for key, body in BODIES.items()}
    if bundled:
        return  # stages/archive/kept_copy.py looks at the copy of the original
    again = take_landed(world)
    assert world.states(*again) == ["DUPLICATE", "DUPLICATE"]
    assert [world.ledger.attempts(version.id)[0].state for version in again] == ["PREDICTED", "PREDICTED"]
    assert {world.upload(version).duplicate_of for version in again} == {version.id for version in files}
    assert (landed(world), len(world.copies)) == ({}, copied)


def test_files_that_the_analysis_does_not_read_stay_in_the_archive(world, files):
    reads = world.process("raw/run7/single.fastq", fastq(3))
    world.restore(*files, reads, run="contigs")
    world.pass_time(49 * HOUR)
    assert sorted(landed(world)) == ["contigs/run7/a.fasta", "contigs/run7/b.fasta"]


def test_the_same_analysis_may_process_its_files_again(world):
    first = world.process("contigs/run7/a.fasta", BODIES["raw/run7/a.fasta"])
    world.restore(first, run="contigs")
    world.pass_time(49 * HOUR)
    (again,) = take_landed(world)
    assert (world.states(again), len(world.ledger.attempts(again.id))) == (["DUPLICATE"], 1)


@pytest.mark.parametrize("bundled", [False, True])
def test_copies_are_kept_outside_the_pipeline(world, files, bundled):
    if bundled:
        world.bundle(*files)
    world.restore(*files, to="project 9")
    world.pass_time(49 * HOUR)
    results = world.account.s3.buckets["results"]
    kept = {key: results.current(key) for key in results.keys if key.startswith("restored/")}
    assert {key: version.body for key, version in kept.items()} == {
        key.replace("raw/", "restored/project 9/"): body for key, body in BODIES.items()
    }
    assert {version.about["Metadata"][RESTORED] for version in kept.values()} == {version.id for version in files}
    assert (world.request().state, landed(world)) == ("RESTORED", {})


def test_a_flipped_byte_is_found_and_nothing_is_written(world, files):
    key = world.bundle(*files)
    body = bytearray(world.account.s3.read("archive", key))
    body[600] ^= 1
    copy = world.account.s3.buckets["archive"].current(key)
    world.account.s3.change("archive", key, copy.id, body=bytes(body))
    world.restore(*files, run="contigs")
    world.pass_time(49 * HOUR)
    assert (world.request().state, landed(world)) == ("FAILED", {})
    assert "raw/run7/a.fasta" in world.mails[-1]["Message"]


def test_a_copy_that_expired_before_it_was_used_is_asked_for_again(world, files):
    world.restore(*files, days=1, run="contigs")
    world.pass_time(49 * HOUR, lost=True)
    request = world.request()
    world.ledger.move(request, "COPYING")
    world.pass_time(5 * DAY, lost=True)
    world.take_message({"restore": "r1"})
    world.work_off()
    assert (world.request().state, world.request().round, len(world.asked)) == ("RESTORING", 2, 4)
    world.pass_time(49 * HOUR)
    assert (world.request().state, len(landed(world))) == ("RESTORED", 2)


class CrashError(BaseException):
    """A crash of the function."""


@pytest.mark.parametrize("name", ["create_multipart_upload", "complete_multipart_upload", "list_parts"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_crash_makes_no_copy_twice_even_if_the_first_is_processed_before(world, files, name, after, nth):
    world.restore(*files, run="contigs")
    original, calls = getattr(world.services.s3, name), []

    def crash(**request):
        calls.append(request)
        if len(calls) == nth and not after:
            raise CrashError
        response = original(**request)
        if len(calls) == nth and after:
            raise CrashError
        return response

    setattr(world.services.s3, name, crash)
    with pytest.raises(CrashError):
        world.pass_time(49 * HOUR)
    setattr(world.services.s3, name, original)
    take_landed(world)
    world.take_message({"restore": "r1"})
    world.work_off()
    take_landed(world)
    uploads = [item for item in world.account.table.items.values() if item.get("kind") == {"S": "upload"}]
    assert (world.request().state, len(uploads), landed(world)) == ("RESTORED", 4, {})


def test_large_files_are_copied_in_parts_and_continue_where_they_stopped(world, files, monkeypatch):
    monkeypatch.setattr(copies.multipart, "WHOLE", 100)
    monkeypatch.setattr(copies.multipart, "PART", 128)
    world.restore(*files, to="p")
    world.pass_time(49 * HOUR)
    assert world.account.s3.read("results", "restored/p/run7/a.fasta") == BODIES["raw/run7/a.fasta"]
