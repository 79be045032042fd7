"""The small files of a complete run are archived in bundles, each with a receipt, and come back as they were."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from dataclasses import replace

import pytest
from seqdrop.archive.location import locate
from seqdrop.aws import keys
from seqdrop.errors import ArchiveMismatchError, RetryableError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.runs import bundle_layout
from seqdrop.runs.bundle_layout import divide
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.bundle import candidates
from seqdrop.stages.bundle.bundle import bundle
from seqdrop.stages.bundle.left_out import read_left_out
from seqdrop.stages.bundle.plan import read_plan
from seqdrop.stages.duplicates import AGAIN
from seqdrop.stages.forget.forget import forget_bundle
from seqdrop.uploads import UploadVersion

from tests.unit.stages.bundle.world import MARKERS, small_files

LABELS = [{"Metadata": {"mtime": "1"}}, {"TagCount": 1}, {"ContentEncoding": "gzip"}]


def finish(world, files: dict[str, bytes]) -> None:
    world.drop_all(files)
    world.wait(45)


def test_small_files_of_a_complete_run_are_archived_in_one_tar(world, run_files):
    finish(world, run_files)
    (tar,) = world.tars
    assert world.copies == [tar]
    world.check_archived(run_files)
    assert [entry.name for entry in world.index(tar).entries] == sorted(run_files)
    assert world.run().state == "ARCHIVED"
    assert not world.ledger.run_bundles(world.run().id).plans


def test_a_receipt_says_where_the_bytes_of_a_file_are(world, run_files):
    finish(world, run_files)
    name = "RunInfo.xml"
    receipt = world.receipt(name)
    copy, place = receipt["archive"], locate(receipt)
    tar = world.account.s3.buckets["archive"].current(world.tars[0])
    assert (copy["size"], copy["sha256"]) == (len(run_files[name]), hashlib.sha256(run_files[name]).hexdigest())
    assert (copy["key"], copy["version_id"], copy["storage_class"]) == (tar.key, tar.id, "DEEP_ARCHIVE")
    assert tar.storage == "DEEP_ARCHIVE"
    assert copy["bundle"]["name"] == name
    assert copy["bundle"]["index"] == keys.bundle_index(tar.key)
    assert copy["bundle"]["crc32"] == f"{zlib.crc32(tar.body):08x}"
    assert place.is_bundled
    assert (place.object_size, place.size) == (len(tar.body), len(run_files[name]))


def test_sequences_and_large_files_stay_objects(world, run_files):
    large = bytes(8_000_001)
    others = {"Data/big.bin": large, "Data/a.pod5": b"\x8bPOD", "Data/S1_R1_001.fastq": b"@r\nACGT\n+\nIIII\n"}
    finish(world, run_files | others)
    assert len(world.copies) == 1 + len(others)
    world.check_archived(run_files | others)
    assert not any("bundle" in world.receipt(name)["archive"] for name in others)


def test_few_files_get_no_bundle(world, run_files):
    files = {name: run_files[name] for name in MARKERS}
    finish(world, files)
    assert (world.tars, len(world.copies)) == ([], len(MARKERS))
    assert {"ARCHIVED"} == world.states()
    assert all(world.upload(name).unbundled_at for name in files)


def test_bundle_below_zero_turns_bundles_off(world, run_files):
    analyses = world.services.analyses
    runs = replace(analyses.by_name["runs"], bundle_below=0.0)
    changed = replace(analyses, by_name=analyses.by_name | {"runs": runs})
    world.services = replace(world.services, analyses=changed)
    finish(world, run_files)
    assert (world.tars, len(world.copies)) == ([], len(run_files))


def test_a_run_that_is_dropped_again_is_recognised_and_nothing_is_copied_twice(world, run_files):
    finish(world, run_files)
    copies, first = world.copies, {name: world.dropped[name] for name in run_files}
    finish(world, run_files)
    assert world.copies == copies
    assert not world.landed
    assert {world.upload(name).duplicate_of for name in run_files} == {version.id for version in first.values()}
    assert world.states() == {"DUPLICATE"}


@pytest.mark.parametrize("change", ["deleted", "replaced", "class"])
def test_a_duplicate_is_no_duplicate_if_the_bundle_cannot_be_relied_on(world, run_files, change):
    finish(world, run_files)
    (tar,) = world.tars
    old = world.account.s3.buckets["archive"].current(tar)
    if change == "deleted":
        world.account.s3.delete("archive", tar, old.id)
    elif change == "replaced":
        world.account.s3.put("archive", tar, old.body, storage=old.storage, crc32=True)
    else:
        world.account.s3.change("archive", tar, old.id, storage="STANDARD")
    finish(world, run_files)
    world.wait(10)
    assert world.states() == {"ARCHIVED"}
    assert all(world.fetch(name) == body for name, body in run_files.items())


def test_a_lost_receipt_is_written_again_from_the_index(world, run_files):
    finish(world, run_files)
    upload = world.upload("RunInfo.xml")
    before = world.receipt("RunInfo.xml")
    world.account.s3.delete("results", keys.receipt(upload.id))
    archive(world.services, upload.id)
    assert world.receipt("RunInfo.xml") | {"verified_at": ""} == before | {"verified_at": ""}


def test_a_lost_receipt_and_a_lost_tar_are_mailed(world, run_files):
    finish(world, run_files)
    upload, mails = world.upload("RunInfo.xml"), len(world.mails)
    world.account.s3.delete("results", keys.receipt(upload.id))
    world.account.s3.delete("archive", world.tars[0])
    archive(world.services, upload.id)
    (subject, text) = world.mails[-1]
    assert len(world.mails) == mails + 1
    assert "is gone" in subject
    assert upload.archive_key in text


def flip_bit(body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:]


class Flipping:
    """A client that changes the bytes of one key, `times` times."""

    def __init__(self, client, key: str, times: int, change):
        self._client, self._key, self._times, self._change = client, key, times, change

    def __getattr__(self, name: str):
        return getattr(self._client, name)

    def get_object(self, **request) -> dict:
        response = self._client.get_object(**request)
        if request["Key"] == self._key and self._times:
            self._times -= 1
            response["Body"] = io.BytesIO(self._change(response["Body"].read()))
        return response


def flip(world, name: str, times: int, change=flip_bit) -> None:
    """Change a file whenever it is read after its run was judged."""
    client = Flipping(world.services.s3, world.dropped[name].key, times, change)
    world.services = replace(world.services, s3=client)


def reach_bundling(world, files: dict[str, bytes]) -> str:
    """Drop a run and work until its bundle is planned; return the id of the plan."""
    world.drop_all(files)
    handle, plans = world.handle, []

    def stop(message) -> None:
        if message.queue == "bundle_queue" and "plan" in message.body:
            plans.append(message.body["plan"])
        else:
            handle(message)

    world.handle = stop
    world.wait(45)
    world.handle = handle
    return plans[0]


def test_a_bit_that_flips_on_the_way_is_read_again(world, run_files):
    plan = reach_bundling(world, run_files)
    flip(world, "Data/L1/s_0007.bci", 2)
    bundle(world.services, world.run().id, plan)
    world.check_archived(run_files)


@pytest.mark.parametrize("change", [flip_bit, lambda body: body[:-1], lambda body: body + b"x", lambda _: b""])
def test_a_file_whose_bytes_stay_wrong_is_not_bundled_and_the_source_survives(world, run_files, change):
    plan = reach_bundling(world, run_files)
    name = "Data/L1/s_0007.bci"
    flip(world, name, 10_000, change)
    bundle(world.services, world.run().id, plan)
    assert (world.tars, world.account.s3.unfinished) == ([], {})
    assert world.dropped[name].key in world.landed
    world.wait(10)
    world.check_archived(run_files)  # the archive stage copied it without reading it here
    assert world.upload(name).archive_key.endswith("s_0007.bci")
    (tar,) = world.tars
    assert len(world.index(tar).entries) == len(run_files) - 1


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_a_file_with_metadata_or_tags_is_an_object_that_keeps_them(world, run_files, labels):
    name = "Data/L1/labelled.bin"
    world.drop(name, b"labelled", **labels)
    finish(world, run_files)
    world.check_archived(run_files | {name: b"labelled"})
    (copy,) = world.account.s3.buckets["archive"].keys[world.upload(name).archive_key]
    assert {key: copy.about[key] for key in labels} == labels
    assert len(world.tars) == 1
    assert len(world.copies) == 2


def test_a_file_that_is_tagged_after_its_validation_is_not_packed(world, run_files):
    plan = reach_bundling(world, run_files)
    name = "Data/L1/s_0007.bci"
    version = world.dropped[name]
    world.account.s3.change("landing", version.key, version.version_id, about={"TagCount": 1})
    bundle(world.services, world.run().id, plan)
    world.wait(10)
    world.check_archived(run_files)
    assert world.upload(name).archive_key.endswith("s_0007.bci")
    assert len(world.copies) == 2


def test_the_mark_that_a_file_is_sent_again_on_purpose_is_no_label(world, run_files):
    for name, body in run_files.items():
        world.drop(name, body, Metadata={AGAIN: "1"})
    world.wait(45)
    world.check_archived(run_files)
    assert len(world.copies) == 1


def test_files_that_are_withdrawn_while_the_bundle_is_made_are_listed_as_left_out(world, run_files):
    plan = reach_bundling(world, run_files)
    names = ("Data/L1/s_0007.bci", "RunInfo.xml")
    for name in names:
        world.ledger.move(world.upload(name), "WITHDRAWN", reason="deleted_before_archive")
    bundle(world.services, world.run().id, plan)
    world.wait(10)
    world.check_archived({name: body for name, body in run_files.items() if name not in names})
    (tar,) = world.tars
    assert sorted(read_left_out(world.services, tar).names) == sorted(names)


def test_a_bundle_whose_files_were_all_withdrawn_is_deleted(world, run_files):
    plan = reach_bundling(world, run_files)
    for name in run_files:
        world.ledger.move(world.upload(name), "WITHDRAWN", reason="deleted_before_archive")
    bundle(world.services, world.run().id, plan)
    (tar,) = world.tars
    (body,) = [body for queue, body in world.account.sent if queue == "forget_queue"] or [{"bundle": tar}]
    forget_bundle(world.services, body["bundle"])
    assert world.copies == []
    assert len(world.landed) == len(run_files), "what was not archived is not deleted"


def test_a_file_that_the_lab_deletes_is_withdrawn_and_the_others_are_bundled(world, run_files):
    plan = reach_bundling(world, run_files)
    name = "Data/L1/s_0007.bci"
    world.account.s3.delete("landing", world.dropped[name].key, world.dropped[name].version_id)
    bundle(world.services, world.run().id, plan)
    world.wait(10)
    assert world.upload(name).state == "WITHDRAWN"
    world.check_archived({other: body for other, body in run_files.items() if other != name})
    assert len(world.tars) == 1


def test_a_tar_whose_checksum_differs_keeps_every_original(world, run_files):
    plan = reach_bundling(world, run_files)
    complete = world.account.s3.complete_multipart_upload

    def damage(request, headers):
        response = complete(request, headers)
        version = world.account.s3.buckets["archive"].current(request["Key"])
        world.account.s3.change("archive", version.key, version.id, body=b"x" + version.body[1:])
        return response

    world.account.s3.complete_multipart_upload = damage
    for _ in range(2):
        with pytest.raises(ArchiveMismatchError):
            bundle(world.services, world.run().id, plan)
    assert len(world.landed) == len(run_files)
    assert world.states() == {"VALIDATED"}


def test_the_claim_of_another_upload_is_respected(world, run_files):
    """An upload with the same name and bytes is being copied: the file is no member of the bundle."""
    name = "Data/L1/s_0007.bci"
    world.drop_all(run_files)
    first = world.dropped[name]
    twin = world.drop(name, run_files[name])
    assert isinstance(twin, UploadVersion)
    world.wait(60)
    states = [world.ledger.require_upload(version.id).state for version in (first, twin)]
    assert sorted(states) == ["ARCHIVED", "DUPLICATE"]
    file = ArchivedFile.of_file("landing", twin.key, twin.size, hashlib.sha256(run_files[name]).hexdigest())
    holder = world.ledger.require_upload(world.ledger.archived_file(file).upload)
    assert holder.state == "ARCHIVED"
    world.dropped[name] = next(version for version in (first, twin) if version.id == holder.id)
    world.check_archived(run_files)


def test_time_that_runs_out_sends_the_message_again_and_no_part_twice(world, novaseq, monkeypatch):
    monkeypatch.setattr(bundle_layout, "PART", 4096)
    world.account.s3.least_part = 4096
    files = small_files(60) | {name: novaseq[name] for name in MARKERS}
    plan = reach_bundling(world, files)
    parts = []
    send = world.account.s3.upload_part

    def count(request, headers):
        parts.append(request["PartNumber"])
        return send(request, headers)

    world.account.s3.upload_part = count
    reads = []
    get = world.account.s3.get_object

    def count_reads(request, headers):
        if request["Bucket"] == "landing":
            reads.append(request["Key"])
        return get(request, headers)

    world.account.s3.get_object = count_reads
    calls = 0
    while world.ledger.run_bundles(world.run().id).plans:
        left = iter([True, True])
        bundle(world.services, world.run().id, plan, lambda left=left: next(left, False))
        calls += 1
    assert calls > 5
    assert len(parts) == len(set(parts)) > 10
    assert len(reads) == len(set(reads)) == len(files)
    world.check_archived(files)


def test_more_files_than_are_planned_at_once_are_planned_in_turn(world, novaseq, monkeypatch):
    monkeypatch.setattr(candidates, "MOST", 30)
    monkeypatch.setattr("seqdrop.stages.bundle.planning.MOST", 30)
    monkeypatch.setattr("seqdrop.runs.bundle_policy.FULL_FILES", 20)
    files = small_files(60) | {name: novaseq[name] for name in MARKERS}
    finish(world, files)
    world.check_archived(files)
    assert sorted(len(world.index(tar).entries) for tar in world.tars) == [20, 20, 20]


def test_files_of_an_analysis_have_a_bundle_of_their_own(world, novaseq):
    more = {f"Analysis/1/Data/{name}": body for name, body in small_files(18).items()}
    files = small_files(18) | {name: body for name, body in novaseq.items() if len(body) < 8_000_000} | more
    finish(world, files)
    world.wait(60)
    folders = {tar.rsplit("/", 2)[0].removeprefix("runs/").partition("/")[2] for tar in world.tars}
    assert folders == {"", "Analysis/1"}
    bundled = {tar: len(world.index(tar).entries) for tar in world.tars}
    assert sum(bundled.values()) > 36


def test_a_plan_that_expired_is_made_again(world, run_files):
    plan = reach_bundling(world, run_files)
    assert read_plan(world.services, plan).uploads
    world.account.s3.delete("work", keys.bundle_plan(plan))
    bundle(world.services, world.run().id, plan)
    world.work()
    world.check_archived(run_files)
    assert not world.ledger.run_bundles(world.run().id).plans


def test_the_report_of_the_run_has_each_bundle_and_what_it_saves(world, run_files):
    finish(world, run_files)
    (entry,) = world.report()["bundles"]
    assert (entry["key"], entry["index"]) == (world.tars[0], keys.bundle_index(world.tars[0]))
    savings = entry["savings"]
    assert savings["files"] == len(run_files)
    assert savings["bundled"]["objects"] == 1
    assert savings["bundled"]["requests"] < savings["alone"]["requests"]
    assert savings["bundled"]["usd_least"] < savings["alone"]["usd_least"]
    json.dumps(entry)
    (part,) = world.report()["parts"]
    assert part["archive"]["objects"] == 1
    tar = len(world.account.s3.read("archive", world.tars[0]))
    assert part["archive"]["bytes"] == pytest.approx(tar, rel=0.2)


def test_messages_that_arrive_twice_or_late_change_nothing(world, run_files):
    plan = reach_bundling(world, run_files)
    run = world.run().id
    for _ in range(2):
        bundle(world.services, run, plan)
    bundle(world.services, run)
    world.work()
    before = world.account.snapshot()[1]
    bundle(world.services, run, plan)
    bundle(world.services, run)
    assert world.account.snapshot()[1]["archive"] == before["archive"]
    world.check_archived(run_files)


def test_an_object_that_s3_does_not_delete_fails_the_message(world, run_files, monkeypatch):
    plan = reach_bundling(world, run_files)
    refusal = {"Errors": [{"Key": "k", "Code": "AccessDenied"}]}
    monkeypatch.setattr(world.account.s3, "delete_objects", lambda *_: refusal)
    with pytest.raises(RetryableError, match="AccessDenied"):
        bundle(world.services, world.run().id, plan)
    monkeypatch.undo()
    assert world.states() == {"VALIDATED"}


def test_parts_begin_and_end_with_files(world, run_files, monkeypatch):
    monkeypatch.setattr(bundle_layout, "PART", 2048)
    plan = read_plan(world.services, reach_bundling(world, run_files))
    parts = list(divide(plan.index))
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert sum(part.size for part in parts) == plan.size
    assert all(part.size >= 2048 for part in parts[:-1])
    assert len(parts) <= -(-plan.size // 2048)
