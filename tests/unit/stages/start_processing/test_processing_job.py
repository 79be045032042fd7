"""A file too large for a Lambda: one job examines it, whatever comes twice, breaks off or is refused."""

import gzip
import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.errors import ObjectGoneError
from seqdrop.kinds.plans import from_json, packaged
from seqdrop.ledger.moves import JOB
from seqdrop.models.code_bundles import push_code
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.sagemaker.names import examination_name
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion
from seqdrop.work.examine import ExaminationRequest, examine

from tests.support.aws.sagemaker import PROCESSING

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"
SMALL = len(FASTQ)


@pytest.fixture
def services(services):
    """With a threshold below which one record fits, and the code pushed."""
    push_code(services.s3, "results", b"packages", "now")
    return replace(services, analyses=replace(packaged(), lambda_gb=SMALL / 1e9))


@pytest.fixture
def drop(services):
    def put(key: str = "reads/a.fastq", body: bytes = FASTQ + FASTQ.replace(b"r1", b"r2")) -> UploadVersion:
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))

    return put


def run(services, sagemaker, name: str) -> None:
    """What the container does: examine what request.json says, and end well."""
    told = json.loads(services.s3.get_object(Bucket="work", Key=keys.job_request(name))["Body"].read())
    request = ExaminationRequest(UploadVersion(**told["version"]), from_json(told["plan"]), number=told["number"])
    examine(services.s3, told["work"], request)
    sagemaker.end(name, "Completed")


def job(services, version, number: int = 1):
    return services.ledger.find_job(examination_name(version.id, number))


def state(services, version) -> str:
    return services.ledger.find_upload(version.id).state


def mails(sent) -> list[str]:
    return [mail["Message"] for queue, mail in sent if queue == "topic"]


class TestRoad:
    def test_a_large_file_is_examined_by_a_job_and_settled_by_validate(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        assert (state(services, version), job(services, version).state, sent) == ("RECEIVED", "STARTED", [])
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        assert job(services, version).state == "DONE"
        ((queue, message),) = sent
        assert (queue, parse_landed_versions(message)) == ("validate_queue", [version])
        validate(services, version)
        (attempt,) = services.ledger.attempts(version.id)
        assert (state(services, version), attempt.items) == ("VALIDATED", 2)
        assert sent[1:] == [("transform_queue", {"attempt": attempt.key})]

    @pytest.mark.parametrize(
        "body", [FASTQ * 2, (FASTQ + FASTQ.replace(b"r1", b"r2"))[:-3], gzip.compress(FASTQ, 0, mtime=0)]
    )
    @pytest.mark.parametrize("key", ["reads/a.fastq", "raw/a.fastq", "contigs/a.fasta"])
    def test_the_same_comes_of_it_as_in_a_lambda(self, services, sagemaker, drop, key, body):
        def outcome(version):
            listed = services.s3.list_objects_v2(Bucket="work", Prefix=f"shards/{version.id}/").get("Contents", [])
            shards = [services.s3.get_object(Bucket="work", Key=one["Key"])["Body"].read() for one in listed]
            report = services.s3.get_object(Bucket="results", Key=f"reports/{version.id}.json")["Body"].read()
            upload = services.ledger.find_upload(version.id)
            text = b"\n".join([report, *shards]).replace(version.id.encode(), b"ID")
            return upload.state, upload.reason, text.replace(version.version_id.encode(), b"VERSION")

        here, there = drop(key, body), drop(key, body)
        validate(replace(services, analyses=packaged()), here)
        validate(services, there)
        run(services, sagemaker, job(services, there).name)
        validate(services, there)
        assert outcome(here) == outcome(there)

    def test_a_small_file_starts_no_job(self, services, sagemaker, drop):
        version = drop(body=FASTQ)
        validate(services, version)
        assert (state(services, version), sagemaker.creations) == ("VALIDATED", 0)

    def test_what_is_refused_without_reading_starts_no_job(self, services, sagemaker, drop):
        validate(services, drop("nowhere/a.fastq"))
        assert sagemaker.creations == 0

    def test_the_job_is_told_what_to_examine(self, services, drop):
        version = drop()
        validate(services, version)
        told = json.loads(
            services.s3.get_object(Bucket="work", Key=keys.job_request(job(services, version).name))["Body"].read()
        )
        assert UploadVersion(**told["version"]) == version
        assert from_json(told["plan"]) == packaged().by_name["reads"]


class TestTwice:
    """Every message may come again, and every run may break off anywhere."""

    def test_the_event_again_starts_nothing(self, services, sagemaker, drop):
        version = drop()
        for _ in range(3):
            validate(services, version)
        assert sagemaker.creations == 1

    @pytest.mark.parametrize("broken", ["create", "move"])
    def test_killed_between_record_and_call_or_after_it(self, services, sagemaker, drop, monkeypatch, broken):
        version = drop()
        target = sagemaker if broken == "create" else services.ledger
        name = "create_processing_job" if broken == "create" else "move"

        def die(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(target, name, die)
        with pytest.raises(KeyboardInterrupt):
            validate(services, version)
        assert job(services, version).state == "PLANNED"
        monkeypatch.undo()
        validate(services, version)
        assert job(services, version).state == "STARTED"
        assert list(sagemaker.jobs) == [job(services, version).name]

    def test_a_job_that_began_elsewhere_is_adopted_only_if_it_does_the_same(self, services, sagemaker, drop, sent):
        version = drop()
        sagemaker.put(PROCESSING, ProcessingJobName=examination_name(version.id, 1), RoleArn="another's")
        validate(services, version)
        assert (job(services, version).state, job(services, version).reason) == (
            "FAILED",
            "a job of this name exists with another RoleArn",
        )
        assert job(services, version, 2).state == "STARTED"

    def test_two_deliveries_at_once_make_one_job(self, services, sagemaker, drop, monkeypatch):
        version, create = drop(), type(services.ledger).create

        def late(ledger, record):
            if record.kind == JOB:
                monkeypatch.undo()
                validate(services, version)  # another function, at this moment
            return create(ledger, record)

        monkeypatch.setattr(type(services.ledger), "create", late)
        validate(services, version)
        assert list(sagemaker.jobs) == [job(services, version).name]
        assert job(services, version).state == "STARTED"

    def test_its_end_told_again_only_sends_on(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        name = job(services, version).name
        run(services, sagemaker, name)
        finish(services, name)
        before = job(services, version)
        finish(services, name)
        assert job(services, version) == before
        assert [queue for queue, _ in sent] == ["validate_queue"] * 2
        validate(services, version)
        finish(services, name)
        assert len(sent) == 3, "settled: nothing more to tell validate"

    def test_its_end_told_before_its_start_was_written(self, services, sagemaker, drop, monkeypatch):
        version = drop()
        monkeypatch.setattr(services.ledger, "move", lambda *_, **__: False)
        validate(services, version)
        monkeypatch.undo()
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        assert job(services, version).state == "DONE"

    def test_while_it_runs_nothing_happens(self, services, drop, sent):
        version = drop()
        validate(services, version)
        finish(services, job(services, version).name)
        assert (job(services, version).state, sent) == ("STARTED", [])


class TestFailures:
    def failed(self, services, sagemaker, version, number: int) -> None:
        name = job(services, version, number).name
        sagemaker.end(name, "Failed", FailureReason="AlgorithmError: See job logs")
        finish(services, name)
        validate(services, version)

    def test_a_failed_job_is_followed_by_another_and_then_the_lab_is_told(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        self.failed(services, sagemaker, version, 1)
        assert (job(services, version).state, job(services, version, 2).state) == ("FAILED", "STARTED")
        assert mails(sent) == []
        self.failed(services, sagemaker, version, 2)
        (mail,) = mails(sent)
        assert version.id in mail
        assert "AlgorithmError: See job logs" in mail
        validate(services, version)
        finish(services, job(services, version, 2).name)
        assert (state(services, version), len(mails(sent)), sagemaker.creations) == ("RECEIVED", 1, 2)

    def test_a_job_whose_pass_was_done_before_it_failed_counts(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        run(services, sagemaker, job(services, version).name)
        self.failed(services, sagemaker, version, 1)
        assert (state(services, version), sagemaker.creations, mails(sent)) == ("VALIDATED", 1, [])

    def test_a_stopped_job_is_not_started_again(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        sagemaker.end(job(services, version).name, "Stopped")
        finish(services, job(services, version).name)
        validate(services, version)
        assert (job(services, version).state, sagemaker.creations, len(mails(sent))) == ("STOPPED", 1, 1)

    @pytest.mark.parametrize("code", ["ResourceLimitExceeded", "ThrottlingException"])
    def test_without_room_it_waits(self, services, sagemaker, drop, sent, code, clock):
        version, sagemaker.refusal = drop(), code
        validate(services, version)
        assert (job(services, version).state, mails(sent)) == ("PLANNED", [])
        sagemaker.refusal = None
        clock.pass_minutes(2)
        validate(services, version)
        assert job(services, version).state == "STARTED"

    def test_a_refused_request_is_told_once(self, services, sagemaker, drop, sent):
        version, sagemaker.refusal = drop(), "ValidationException"
        for _ in range(3):
            validate(services, version)
        assert [job(services, version, n).state for n in (1, 2)] == ["FAILED", "FAILED"]
        (mail,) = mails(sent)
        assert "SageMaker refused the job: no" in mail
        assert state(services, version) == "RECEIVED"

    def test_what_is_not_sagemakers_last_word_comes_again(self, services, sagemaker, drop):
        version, sagemaker.refusal = drop(), "InternalFailure"
        with pytest.raises(ClientError):
            validate(services, version)
        assert job(services, version).state == "PLANNED"

    def test_without_code_the_lab_is_told_and_it_goes_on_once_there_is(self, services, drop, sent):
        services.s3.delete_object(Bucket="results", Key="processing/current.json")
        version = drop()
        validate(services, version)
        assert "seqdrop processing push" in mails(sent)[0]
        assert (job(services, version), state(services, version)) == (None, "RECEIVED")
        push_code(services.s3, "results", b"packages", "now")
        validate(services, version)
        assert job(services, version).state == "STARTED"

    def test_deleted_before_its_job_it_is_withdrawn(self, services, sagemaker, drop):
        version = drop()
        services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        validate(services, version)
        assert (state(services, version), sagemaker.creations) == ("WITHDRAWN", 0)

    def test_deleted_while_its_job_ran_it_is_withdrawn(self, services, sagemaker, drop):
        version = drop()
        validate(services, version)
        services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        with pytest.raises(ObjectGoneError):
            run(services, sagemaker, job(services, version).name)
        sagemaker.end(job(services, version).name, "Completed")  # as the container takes it
        finish(services, job(services, version).name)
        validate(services, version)
        assert state(services, version) == "WITHDRAWN"


class TestStandingStill:
    """The records' clock is long ago, so all that is not at its end stands still."""

    def test_an_upload_in_a_job_does_not_stand_and_its_job_is_pushed(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        assert reconcile(services)["started_jobs"] == 0, "it runs"
        run(services, sagemaker, job(services, version).name)
        pushed = reconcile(services)
        assert (pushed["received"], pushed["started_jobs"]) == (0, 1)
        ((queue, message),) = sent
        assert (queue, message["detail-type"]) == ("finish_queue", "SageMaker Processing Job State Change")
        assert message["detail"]["ProcessingJobName"] == job(services, version).name

    def test_a_job_that_waits_for_room_is_started_by_validate(self, services, sagemaker, drop, sent, clock):
        version, sagemaker.refusal = drop(), "ResourceLimitExceeded"
        validate(services, version)
        clock.pass_minutes(2)
        pushed = reconcile(services)
        assert (pushed["received"], pushed["unstarted_jobs"]) == (0, 1)
        ((queue, message),) = sent
        assert (queue, parse_landed_versions(message)) == ("validate_queue", [version])

    def test_an_upload_whose_job_is_done_stands(self, services, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        sent.clear()
        assert reconcile(services)["received"] == 1
        assert [queue for queue, _ in sent] == ["validate_queue"]

    def test_an_upload_that_is_left_to_a_person_is_not_pushed(self, services, sagemaker, drop, sent):
        version, sagemaker.refusal = drop(), "ValidationException"
        validate(services, version)
        sent.clear()
        assert reconcile(services)["received"] == 0
        assert sent == []
