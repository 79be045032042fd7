"""The index of file names: a listing of the name of a file leads to everything that belongs to it."""

from __future__ import annotations

import json

import pytest
from seqdrop.aws import keys
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.ledger.records import Upload
from seqdrop.results.file_index import Ending, entry_key, make_entry
from seqdrop.stages.file_index import index_rejected
from seqdrop.stages.forget.tombstones import delete_results
from seqdrop.uploads import UploadVersion
from seqdrop.work.examination import rejection

from tests.unit.stages.restoring import RestoringWorld

FASTA = b">c\n" + b"ACGTTGCA" * 100 + b"\n"
KEY = "raw/run7/S1.fasta"


@pytest.fixture
def world(monkeypatch) -> RestoringWorld:
    return RestoringWorld(monkeypatch)


def list_entries(world, prefix: str) -> list[dict]:
    """Return the entries below a prefix of landing keys, in the order in which S3 lists them."""
    s3, bucket = world.services.s3, world.services.settings.results
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{keys.INDEX}{prefix}")
    items = [item for page in pages for item in page.get("Contents", [])]
    return [json.loads(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()) for item in items]


def test_an_archived_file_leads_to_its_report_receipt_and_copy(world):
    upload = world.upload(world.process(KEY, FASTA))
    (entry,) = list_entries(world, KEY)
    assert (entry["state"], entry["upload"], entry["sha256"]) == ("ARCHIVED", upload.id, upload.sha256)
    assert entry["archive"] == {"bucket": "archive", "key": upload.archive_key, "storage_class": "DEEP_ARCHIVE"}
    for name in ("page", "report", "receipt"):
        world.services.s3.head_object(Bucket="results", Key=entry["links"][name].removeprefix("s3://results/"))


def test_a_prediction_is_linked_by_the_prefix_of_all_attempts(world):
    upload = world.upload(world.process("contigs/a.fasta", FASTA))
    (entry,) = list_entries(world, "contigs/")
    assert entry["links"]["results"] == f"s3://results/results/contigs/{upload.id}/"


def test_two_versions_of_a_name_are_two_entries_in_the_order_of_their_times(world):
    first = world.process(KEY, FASTA)
    world.pass_time(60)
    second = world.process(KEY, FASTA + b">d\nACGT\n")
    entries = list_entries(world, KEY)
    assert [entry["upload"] for entry in entries] == [first.id, second.id]
    assert entries[0]["landed_at"] < entries[1]["landed_at"]


def test_a_repeated_file_leads_to_what_its_original_has(world):
    first, second = (world.process(KEY, FASTA) for _ in range(2))
    entries = {entry["upload"]: entry for entry in list_entries(world, KEY)}
    assert (entries[second.id]["state"], entries[second.id]["duplicate_of"]) == ("DUPLICATE", first.id)
    assert entries[second.id]["links"]["receipt"] == entries[first.id]["links"]["receipt"]


def test_a_rejected_file_leads_to_the_reason(world):
    upload = world.take(KEY, b"none")
    (entry,) = list_entries(world, KEY)
    assert (entry["state"], entry["upload"]) == ("REJECTED", upload.id)
    assert entry["links"]["reason"] == f"s3://results/reasons/{upload.id}.json"
    assert entry["reason"] == world.read_json("reasons", upload)["code"]


def test_an_entry_without_a_report_names_none(services):
    services.s3.create_bucket(Bucket="results")
    upload = Upload.from_version(UploadVersion("landing", "x/a.fa", "v", 1, "e"), "")
    code = rejection(InvalidFileError(Fault("no_analysis", "m", "a")))["code"]
    index_rejected(services, upload, code, has_report=False)
    body = services.s3.get_object(Bucket="results", Key=entry_key(upload))["Body"].read()
    assert set(json.loads(body)["links"]) == {"reason"}


def test_forgotten_results_leave_no_name_in_the_index(world):
    upload = world.upload(world.process(KEY, FASTA))
    assert entry_key(upload) in delete_results(world.services, upload)
    assert list_entries(world, KEY) == []


def test_a_key_that_is_too_long_has_no_entry():
    upload = Upload.from_version(UploadVersion("landing", "raw/" + "ü" * 490, "v", 1, "e"), "raw")
    assert entry_key(upload) is None


def test_the_same_upload_gives_the_same_bytes():
    upload = Upload.from_version(UploadVersion("landing", KEY, "v", 1, "e"), "raw")
    assert make_entry(upload, Ending("ARCHIVED"), "results") == make_entry(upload, Ending("ARCHIVED"), "results")
