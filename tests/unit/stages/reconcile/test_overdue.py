"""A run whose marker does not arrive: the lab is notified once, its files are nudged, and it waits for ever."""

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.runtime.services import now
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.marked_runs import FASTQ, gated, manifest


@pytest.fixture
def services(direct):
    return direct


@pytest.fixture
def clock(monkeypatch, services):
    """Return the time, which a test moves."""
    time = {"now": datetime(2026, 1, 1, tzinfo=UTC)}
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: time["now"])
    monkeypatch.setattr(services.ledger, "_now", now)
    return time


@pytest.fixture
def gated_services(services, clock):
    """Return services with a gate for reads/; nothing runs at SageMaker."""
    return replace(services, analyses=gated("reads"))


@pytest.fixture
def take(gated_services):
    def put(key: str, body: bytes = FASTQ) -> UploadVersion:
        answer = gated_services.s3.put_object(Bucket="landing", Key=key, Body=body)
        version = UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))
        validate(gated_services, version)
        return version

    return put


def pass_hours(gated_services, clock, sent, hours: float) -> list[dict]:
    """Let time pass, run the reconciler every hour, and validate its messages; return the mails."""
    mails = []
    for _ in range(int(hours)):
        clock["now"] += timedelta(hours=1)
        reconcile(gated_services)
        for queue, body in [message for message in sent if message[0] == "validate_queue"]:
            sent.remove((queue, body))
            for version in parse_landed_versions(body):
                validate(gated_services, version)
        mails += [mail for queue, mail in sent if queue == "topic"]
        sent[:] = [message for message in sent if message[0] != "topic"]
    return mails


def test_the_lab_is_notified_once_of_each_run_and_the_run_keeps_waiting(gated_services, take, clock, sent):
    versions = [take(f"reads/run 7/L{number}/S{number}.fastq") for number in (1, 2, 3)]
    other = take("reads/run8/a.fastq")
    assert pass_hours(gated_services, clock, sent, 23) == []
    mails = sorted(pass_hours(gated_services, clock, sent, 48), key=lambda mail: mail["Subject"])
    assert [mail["Subject"] for mail in mails] == [
        "Seqdrop: reads/run 7/ waits for the marker of its run",
        "Seqdrop: reads/run8/ waits for the marker of its run",
    ]
    assert "3 files below reads/run 7/ are valid" in mails[0]["Message"]
    assert "since 2026-01-01T00:00:00.000Z" in mails[0]["Message"]
    assert sent == []
    command = next(line for line in mails[0]["Message"].splitlines() if line.startswith("  aws "))
    options = shlex.split(command)
    assert options[-4:] == ["--bucket", "landing", "--key", "reads/run 7/CopyComplete.txt"]
    take(options[-1], b"")
    enqueued = [json.dumps(body) for queue, body in sent if queue == "transform_queue"]
    assert all(any(version.id in body for body in enqueued) for version in versions)
    assert not any(other.id in body for body in enqueued)


def test_nudges_become_rare_and_never_end(gated_services, take, clock, sent, monkeypatch):
    version, looks = take("reads/run7/a.fastq"), []
    monkeypatch.setattr(
        "seqdrop.stages.validate.validate.monitor", lambda services, upload: looks.append((clock["now"], upload.id))
    )
    pass_hours(gated_services, clock, sent, 24 * 3)
    hours = [(time - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds() / 3600 for time, _ in looks]
    assert hours == [1, 2, 4, 8, 16, 32, 56]
    assert {upload_id for _, upload_id in looks} == {version.id}


def test_a_nudge_finds_a_deleted_file(gated_services, take, clock, sent):
    version = take("reads/run7/a.fastq")
    gated_services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
    assert pass_hours(gated_services, clock, sent, 2) == []
    assert gated_services.ledger.find_upload(version.id).state == "WITHDRAWN"


def test_the_lab_is_notified_once_of_a_manifest_whose_files_do_not_arrive(gated_services, take, clock, sent):
    take("reads/run7/a.fastq")
    manifest_version = take(
        "reads/run7/seqdrop-manifest.json", manifest(("a.fastq", None), ("b.fastq", 9), ("c.fastq", None))
    )
    (mail,) = pass_hours(gated_services, clock, sent, 48)
    assert "seqdrop-manifest.json waits for its files" in mail["Subject"]
    assert "lists 3 files" in mail["Message"]
    assert "2 were missing or had another size, such as reads/run7/c.fastq" in mail["Message"]
    assert "--key reads/run7/CopyComplete.txt" in mail["Message"]
    gated_services.s3.put_object(Bucket="landing", Key="reads/run7/b.fastq", Body=b"123456789")
    gated_services.s3.put_object(Bucket="landing", Key="reads/run7/c.fastq", Body=b"")
    pass_hours(gated_services, clock, sent, 24)  # their events were lost; a nudge finds them
    assert gated_services.ledger.find_upload(manifest_version.id).state == "VALIDATED"
    assert any(queue == "transform_queue" for queue, _ in sent)


def test_the_lab_is_notified_of_a_run_whose_manifest_was_deleted(gated_services, take, clock, sent):
    take("reads/run7/a.fastq")
    manifest_version = take("reads/run7/seqdrop-manifest.json", manifest(("b.fastq", None)))
    gated_services.s3.delete_object(Bucket="landing", Key=manifest_version.key, VersionId=manifest_version.version_id)
    assert [mail["Subject"] for mail in pass_hours(gated_services, clock, sent, 72)] == [
        "Seqdrop: reads/run7/ waits for the marker of its run"
    ]


def test_a_manifest_does_not_affect_another_run(gated_services, take, clock, sent):
    take("reads/lab/run7/a.fastq")
    take("reads/lab/run7/seqdrop-manifest.json", manifest(("b.fastq", None)))
    take("reads/lab/run8/a.fastq")
    assert sorted(mail["Subject"] for mail in pass_hours(gated_services, clock, sent, 72)) == [
        "Seqdrop: reads/lab/ waits for the marker of its run",
        "Seqdrop: reads/lab/run7/seqdrop-manifest.json waits for its files",
    ]


def test_without_the_gate_no_file_waits_and_there_is_no_mail(gated_services, take, clock, sent):
    version = take("reads/run7/a.fastq")
    freed = replace(gated_services, analyses=gated())
    clock["now"] += timedelta(hours=48)
    counts = reconcile(freed)
    assert (counts["runs_told"], counts["planned"], counts["errors"]) == (0, 1, 0)
    assert [body["attempt"][:26] for queue, body in sent if queue == "transform_queue"] == [version.id]


def test_there_is_no_mail_about_files_that_advanced_before_there_was_a_gate(gated_services, take, clock, sent):
    version = take("reads/run7/a.fastq")
    (attempt,) = gated_services.ledger.attempts(version.id)
    gated_services.ledger.move(attempt, "FAILED", reason="x")
    assert pass_hours(gated_services, clock, sent, 48) == []
