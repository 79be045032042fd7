"""From a landing to accepted, rejected or withdrawn; and what stands still is sent on."""

import gzip
import json
from dataclasses import replace

import pytest
from seqdrop.events import landed_versions
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.stages.reconcile import reconcile
from seqdrop.stages.validate import validate
from seqdrop.uploads import UploadVersion

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"


@pytest.fixture
def drop(services):
    def put(key: str, body: bytes) -> UploadVersion:
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))

    return put


def read(services, bucket: str, key: str) -> dict:
    return json.loads(services.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_reads_become_work_items_and_an_attempt(services, drop, sent):
    version = drop("reads/a.fastq.gz", gzip.compress(b"".join(FASTQ.replace(b"r1", b"r%d" % n) for n in range(3))))
    validate(services, version)
    upload, (attempt,) = services.ledger.upload(version.id), services.ledger.attempts(version.id)
    assert (upload.state, upload.format, upload.records) == ("VALIDATED", "fastq", 3)
    assert (attempt.state, attempt.shards, attempt.items) == ("PLANNED", 1, 3)
    shard = services.s3.get_object(Bucket="work", Key=f"shards/{version.id}/{attempt.key}-00000.jsonl")["Body"].read()
    assert len(shard.splitlines()) == 3
    assert read(services, "results", f"reports/{version.id}.json")["sha256"] == upload.sha256
    assert sent == [("transform_queue", {"attempt": attempt.key})]


def test_raw_goes_straight_to_the_archive(services, drop, sent):
    version = drop("raw/a.fastq", FASTQ)
    validate(services, version)
    assert services.ledger.attempts(version.id) == []
    assert sent == [("archive_queue", {"upload": version.id})]


def test_the_same_event_again_sends_the_same_message_and_writes_nothing(services, drop, sent):
    version = drop("reads/a.fastq", FASTQ)
    validate(services, version)
    before = services.ledger.upload(version.id)
    validate(services, version)
    assert services.ledger.upload(version.id) == before
    assert sent[0] == sent[1]


def test_a_fault_ends_with_reason_and_notification(services, drop, sent):
    version = drop("reads/a.fastq", FASTQ[:-3])
    validate(services, version)
    assert services.ledger.upload(version.id).state == "REJECTED"
    reason = read(services, "results", f"reasons/{version.id}.json")
    assert (reason["code"], reason["record"], reason["line"], reason["retryable"]) == ("truncated", 1, 4, False)
    assert [queue for queue, _ in sent] == ["topic"]
    validate(services, version)
    assert len(sent) == 1


def test_too_large_is_refused_before_it_is_read(services, drop):
    version = replace(drop("reads/a.fastq", FASTQ), size=3_000_000_000)
    validate(services, version)
    assert services.ledger.upload(version.id).reason == "too_large"


def test_deleted_before_it_was_read_it_is_withdrawn(services, drop):
    version = drop("reads/a.fastq", FASTQ)
    services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
    validate(services, version)
    assert services.ledger.upload(version.id).state == "WITHDRAWN"


def test_an_event_without_a_version_id_is_that_of_the_present_version(services, drop):
    version = drop("raw/a.fastq", FASTQ)
    validate(services, replace(version, version_id="null"))
    assert services.ledger.upload(version.id).state == "VALIDATED"


def test_killed_before_the_ledger_the_next_delivery_makes_the_same(services, drop, monkeypatch):
    version = drop("reads/a.fastq", FASTQ)
    monkeypatch.setattr(type(services.ledger), "move", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        validate(services, version)
    before = services.s3.list_objects_v2(Bucket="work")["Contents"]
    monkeypatch.undo()
    validate(services, version)
    after = services.s3.list_objects_v2(Bucket="work")["Contents"]
    assert [(item["Key"], item["ETag"]) for item in before] == [(item["Key"], item["ETag"]) for item in after]
    assert services.ledger.upload(version.id).state == "VALIDATED"


def test_reconcile_sends_on_what_stands_still(services, sent):
    ledger = services.ledger
    received = UploadVersion("landing", "raw/x y+z.fastq", "v", 7, "e", "0A")
    ledger.create(Upload.received(received, "raw"))
    raw = UploadVersion("landing", "raw/done", "v", 1, "e")
    ledger.create(Upload.received(raw, "raw"))
    ledger.move(ledger.upload(raw.id), "VALIDATED")
    with_model = UploadVersion("landing", "reads/a", "v", 1, "e")
    ledger.create(Upload.received(with_model, "reads"))
    ledger.move(
        ledger.upload(with_model.id), "VALIDATED", Attempt("PLANNED", upload_id=with_model.id, analysis="reads")
    )
    attempt = ledger.attempts(with_model.id)[0]
    ledger.claim(Job("PLANNED", name="planned", members=[attempt.key]), [attempt])
    ledger.create(Job("PLANNED", name="started", members=[attempt.key]))
    ledger.move(ledger.job("started"), "STARTED")
    assert reconcile(services) == {"received": 1, "validated": 2, "planned_jobs": 1, "started_jobs": 1}
    by_queue = dict(sent)
    assert landed_versions(by_queue["validate_queue"]) == [received]
    assert by_queue["archive_queue"] == {"upload": raw.id}
    assert by_queue["transform_queue"] == {"attempt": attempt.key}
    assert by_queue["finish_queue"]["detail"]["TransformJobName"] == "started"


def test_reconcile_leaves_what_moved_just_now(services, monkeypatch):
    services.ledger.create(Upload.received(UploadVersion("landing", "raw/x", "v", 1, "e"), "raw"))
    monkeypatch.setattr("seqdrop.stages.reconcile.minutes_ago", lambda minutes: "2025-12-31T00:00:00Z")
    assert reconcile(services)["received"] == 0
