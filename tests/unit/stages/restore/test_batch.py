"""Requests for many objects: one job of S3 Batch Operations, its report, and what it could not ask for."""

from __future__ import annotations

import json

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.aws.batch_operations import format_manifest, read_report
from seqdrop.runtime import services as of_process

from tests.unit.stages.mates import fastq
from tests.unit.stages.restoring import HOUR, RestoringWorld

ROLE = "arn:aws:iam::123456789012:role/batch"
MODEL = botocore.session.Session().get_service_model("s3control")


class Batch:
    """S3 Batch Operations with one job: it restores all objects of its manifest, except those in `refused`."""

    def __init__(self, world: RestoringWorld):
        self.world, self.jobs, self.status, self.refused = world, {}, "Active", set()
        self.fails_after_create = False

    def create_job(self, **request) -> dict:
        shape = MODEL.operation_model("CreateJob").input_shape
        assert not ParamValidator().validate(request, shape).has_errors()
        job = self.jobs.setdefault(request["ClientRequestToken"], request)
        assert job == request, "the same token with another request is refused"
        if self.fails_after_create:
            self.fails_after_create = False
            raise ConnectionError
        return {"JobId": "job-1"}

    def describe_job(self, **request) -> dict:
        assert request == {"AccountId": "123456789012", "JobId": "job-1"}
        causes = [{"FailureCode": "x", "FailureReason": "no permission"}] if self.status == "Failed" else []
        return {"Job": {"Status": self.status, "FailureReasons": causes}}

    def complete(self) -> None:
        """Ask for every object of the manifest, and write a report in which code and status are swapped or not."""
        (job,) = self.jobs.values()
        bucket, key = job["Manifest"]["Location"]["ObjectArn"].removeprefix("arn:aws:s3:::").split("/", 1)
        rows = [line.split(",") for line in self.world.account.s3.read(bucket, key).decode().splitlines()]
        lines = []
        for number, (name, encoded, version) in enumerate(rows):
            if encoded in self.refused:
                codes = "500,InternalError" if number % 2 else "InternalError,500"
                lines.append(f'"{name}","{encoded}","{version}",failed,{codes},"We failed"\n')
                continue
            operation = job["Operation"]["S3InitiateRestoreObject"]
            assert operation["GlacierJobTier"] == "BULK"
            self.world.services.s3.restore_object(
                Bucket=name,
                Key=encoded.replace("%20", " "),
                VersionId=version,
                RestoreRequest={"Days": operation["ExpirationInDays"], "GlacierJobParameters": {"Tier": "Bulk"}},
            )
        if lines:
            folder = f"{job['Report']['Prefix']}/job-job-1"
            manifest = {"Results": [{"Key": f"{folder}/results/a.csv", "TaskExecutionStatus": "failed"}]}
            self.world.account.s3.put(bucket, f"{folder}/results/a.csv", "".join(lines).encode())
            self.world.account.s3.put(bucket, f"{folder}/manifest.json", json.dumps(manifest).encode())
        self.status = "Complete"


@pytest.fixture
def world(monkeypatch) -> RestoringWorld:
    world = RestoringWorld(monkeypatch)
    world.with_settings(restore_batch_above=2, batch_role=ROLE)
    monkeypatch.setattr("seqdrop.stages.restore.asking.STEP", 2)
    return world


@pytest.fixture
def batch(world, monkeypatch) -> Batch:
    batch = Batch(world)
    monkeypatch.setattr(of_process, "batch_client", lambda: batch)
    return batch


@pytest.fixture
def files(world):
    return [world.process(f"raw/run 7/{name}.fastq", fastq(number)) for number, name in enumerate("abcd")]


def test_many_objects_are_asked_for_by_one_job(world, batch, files, monkeypatch):
    monkeypatch.setattr(world, "work_off", lambda: None)
    world.restore(*files)
    while not batch.jobs:
        world.take_message(take(world))
    assert world.asked == []
    assert take(world)["revision"] == str(world.request().revision)
    world.take_message({"restore": "r1", "revision": "1"})  # of a look that another message replaced
    assert take(world) is None
    world.take_message({"restore": "r1"})
    batch.complete()
    assert len(world.asked) == 4
    world.take_message(take(world))
    assert (world.request().state, len(world.asked)) == ("RESTORING", 4)
    monkeypatch.undo()


def take(world) -> dict | None:
    body = next((body for queue, body in world.sent if queue == "restore_queue"), None)
    if body:
        world.sent.remove(("restore_queue", body))
    return body


@pytest.fixture
def asked(world, batch, files, monkeypatch):
    """A request whose job was created."""
    with monkeypatch.context() as patch:
        patch.setattr(world, "work_off", lambda: None)
        world.restore(*files)
        while not batch.jobs:
            world.take_message(take(world))
        take(world)


def test_what_the_job_could_not_ask_for_is_asked_one_by_one(world, batch, files, asked):
    first = world.upload(files[0]).archive_key.replace(" ", "%20")
    batch.refused = {first, world.upload(files[1]).archive_key.replace(" ", "%20")}
    batch.complete()
    assert len(world.asked) == 2
    world.take_message({"restore": "r1"})
    assert len(world.asked) == 4
    world.pass_time(49 * HOUR)
    assert world.request().state == "RESTORED"


def test_a_job_that_failed_ends_the_request_with_its_reason(world, batch, asked):
    batch.status = "Failed"
    world.take_message({"restore": "r1"})
    assert world.request().state == "FAILED"
    assert "no permission" in world.request().reason
    assert "no permission" in world.mails[-1]["Message"]


def test_a_crash_after_the_job_was_created_makes_no_second_job(world, batch, files, monkeypatch):
    batch.fails_after_create = True
    with pytest.raises(ConnectionError):
        world.restore(*files)
    assert (len(batch.jobs), world.request().batch_job) == (1, "")
    with monkeypatch.context() as patch:
        patch.setattr(world, "work_off", lambda: None)
        world.take_message({"restore": "r1"})
    assert (len(batch.jobs), world.request().batch_job) == (1, "job-1")


def test_what_is_restored_is_not_in_the_manifest(world, batch, files, monkeypatch):
    world.restore(files[0], name="r0")
    world.pass_time(49 * HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(world, "work_off", lambda: None)
        world.restore(*files)
        while not batch.jobs:
            world.take_message(take(world))
    assert world.request().to_ask == 3
    batch.complete()
    assert len(world.asked) == 4


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1), max_size=5))
def test_keys_of_a_manifest_are_read_back_from_a_report(names):
    manifest = format_manifest(("archive", key, "v1") for key in names).decode()
    report = "".join(f"{line},failed,404,NoSuchKey,gone\n" for line in manifest.splitlines())
    rows = list(read_report(report.encode()))
    assert [(row.key, row.succeeded, row.error) for row in rows] == [(key, False, "NoSuchKey") for key in names]
