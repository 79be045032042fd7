"""A file too large for a Lambda: one job examines it, despite repeated messages, crashes and refusals."""

import gzip
import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.errors import NotMigratedError, ObjectGoneError, RetryableError
from seqdrop.kinds.plans import from_json, packaged
from seqdrop.ledger.moves import JOB
from seqdrop.models.code_bundles import push_code
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.sagemaker.names import examination_name
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.migration import migrate
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.start_processing.start_processing import start_processing
from seqdrop.stages.validate import validate as validation
from seqdrop.uploads import UploadVersion
from seqdrop.work.examine import ExaminationRequest, examine

from tests.support.aws.sagemaker import PROCESSING
from tests.unit.stages.marked_runs import gated

PROCESSING_QUEUE = "processing_queue"
FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"
SMALL = len(FASTQ)


@pytest.fixture
def services(services):
    """Return services with a threshold of one record's size, and with the code pushed."""
    push_code(services.s3, "models", b"packages", "now")
    return replace(services, analyses=replace(packaged(), lambda_gb=SMALL / 1e9))


@pytest.fixture
def drop(services):
    def put(key: str = "reads/a.fastq", body: bytes = FASTQ + FASTQ.replace(b"r1", b"r2")) -> UploadVersion:
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))

    return put


@pytest.fixture
def validate(sent):
    """Return a function that validates a version, and delivers the messages that start_processing receives."""

    def validate_and_start(services, version) -> None:
        validation.validate(services, version)
        deliver(services, sent)

    return validate_and_start


def deliver(services, sent) -> None:
    """Deliver the messages of start_processing."""
    for message in [message for message in sent if message[0] == PROCESSING_QUEUE]:
        sent.remove(message)
        start_processing(services, message[1]["upload"])


def run(services, sagemaker, name: str) -> None:
    """Run a job as the container does: examine the upload of request.json, and complete."""
    brief = json.loads(services.s3.get_object(Bucket="work", Key=keys.job_request(name))["Body"].read())
    version = UploadVersion(**brief["version"])
    request = ExaminationRequest(version, from_json(brief["plan"]), number=brief["number"])
    examine(services.s3, brief["work"], request)
    sagemaker.end(name, "Completed")


def job(services, version, number: int = 1):
    return services.ledger.find_job(examination_name(version.id, number))


def state(services, version) -> str:
    return services.ledger.find_upload(version.id).state


def mails(sent) -> list[str]:
    return [mail["Message"] for queue, mail in sent if queue == "topic"]


class TestRoute:
    def test_a_large_file_is_examined_by_a_job_and_resolved_by_validate(
        self, services, validate, sagemaker, drop, sent
    ):
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
    def test_the_outcome_is_the_same_as_in_a_lambda(self, services, validate, sagemaker, drop, key, body):
        def outcome(version):
            listed = services.s3.list_objects_v2(Bucket="work", Prefix=f"shards/{version.id}/").get("Contents", [])
            shards = [services.s3.get_object(Bucket="work", Key=item["Key"])["Body"].read() for item in listed]
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

    def test_a_small_file_starts_no_job(self, services, validate, sagemaker, drop):
        version = drop(body=FASTQ)
        validate(services, version)
        assert (state(services, version), sagemaker.creations) == ("VALIDATED", 0)

    def test_a_file_refused_without_reading_starts_no_job(self, services, validate, sagemaker, drop):
        validate(services, drop("nowhere/a.fastq"))
        assert sagemaker.creations == 0

    def test_the_request_names_the_upload_to_examine(self, services, validate, drop):
        version = drop()
        validate(services, version)
        request = json.loads(
            services.s3.get_object(Bucket="work", Key=keys.job_request(job(services, version).name))["Body"].read()
        )
        assert UploadVersion(**request["version"]) == version
        assert from_json(request["plan"]) == packaged().by_name["reads"]


class TestMessages:
    """A message only names an upload: what happens follows from the ledger."""

    def test_validate_calls_no_operation_of_sagemaker(self, services, drop, sent):
        version = drop()
        validation.validate(replace(services, sagemaker=None), version)
        assert sent == [(PROCESSING_QUEUE, {"upload": version.id})]
        assert job(services, version) is None

    def test_an_upload_in_a_job_that_runs_is_not_sent(self, services, validate, drop, sent):
        version = drop()
        validate(services, version)
        validation.validate(services, version)
        assert sent == []

    def test_an_unknown_upload_is_ignored(self, services, sagemaker):
        start_processing(services, "A" * 26)
        assert sagemaker.creations == 0

    @pytest.mark.parametrize("body", [FASTQ * 2, FASTQ + FASTQ.replace(b"r1", b"r2")])
    def test_a_late_message_for_an_examined_upload_starts_nothing(self, services, validate, sagemaker, drop, body):
        version = drop(body=body)
        validate(services, version)
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        start_processing(services, version.id)
        validate(services, version)
        assert state(services, version) in ("VALIDATED", "REJECTED")
        services.s3.delete_object(Bucket="work", Key=keys.examination(version.id))
        upload = services.ledger.find_upload(version.id)
        if upload.state == "VALIDATED":  # its attempt is in a job
            (attempt,) = services.ledger.attempts(version.id)
            services.ledger.move(attempt, "SUBMITTED", job="another")
        start_processing(services, version.id)
        assert sagemaker.creations == 1

    def test_a_file_that_waits_for_its_run_is_read_again_for_its_attempt(self, services, validate, sagemaker, drop):
        waiting = replace(gated("reads"), lambda_gb=services.analyses.lambda_gb)
        services, version = replace(services, analyses=waiting), drop("reads/run/a.fastq")
        validate(services, version)
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        validate(services, version)
        services.s3.delete_object(Bucket="work", Key=keys.examination(version.id))
        validate(services, version)
        second = job(services, version, 2)
        assert (state(services, version), second.state) == ("VALIDATED", "STARTED")
        (attempt,) = services.ledger.attempts(version.id)
        assert json.loads(second.plan) == json.loads(attempt.plan)


class TestRecordedRequests:
    """Functions that parse dropped files may write the ledger, and a deploy may change what a job runs on."""

    @pytest.fixture
    def planned(self, services, validate, sagemaker, drop):
        """An upload whose job waits for capacity, and a function that changes the recorded request."""
        version, sagemaker.refusal = drop(), "ResourceLimitExceeded"
        validate(services, version)
        sagemaker.refusal = None
        record = job(services, version)
        services.ledger.note(record, due_at="")

        def change(edit) -> None:
            record = job(services, version)
            request = json.loads(record.request)
            edit(request)
            services.ledger.note(record, request=json.dumps(request))

        return version, json.loads(record.request), change

    @pytest.mark.parametrize(
        "edit",
        [
            lambda request: request.update(RoleArn="arn:aws:iam::123456789012:role/another"),
            lambda request: request["AppSpecification"].update(ImageUri="a/strangers:image"),
            lambda request: request["AppSpecification"].update(ContainerEntrypoint=["sh", "-c", "exfiltrate"]),
            lambda request: request["ProcessingInputs"][0]["S3Input"].update(S3Uri="s3://a-strangers-bucket/code/"),
            lambda request: request["ProcessingResources"]["ClusterConfig"].update(InstanceType="ml.p4d.24xlarge"),
            lambda request: request.update(ProcessingJobName="seqdrop-examine-another-1"),
        ],
        ids=["role", "image", "command", "code", "machine", "name"],
    )
    def test_a_forged_request_is_replaced(self, services, sagemaker, planned, edit):
        version, expected, change = planned
        change(edit)
        start_processing(services, version.id)
        assert list(sagemaker.requests.values()) == [expected]
        assert (job(services, version).state, json.loads(job(services, version).request)) == ("STARTED", expected)

    def test_a_deploy_changes_the_machine_of_a_job_that_waits(self, services, sagemaker, planned):
        version, *_ = planned
        deployed = replace(
            services,
            settings=replace(services.settings, processing_instance_type="ml.m5.large", processing_image="new"),
        )
        start_processing(deployed, version.id)
        (request,) = sagemaker.requests.values()
        assert request["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.large"
        assert request["AppSpecification"]["ImageUri"] == "new"
        assert job(services, version).state == "STARTED"

    def test_a_job_that_exists_from_before_the_deploy_is_adopted(self, services, sagemaker, planned):
        version, recorded, _ = planned
        sagemaker.put(PROCESSING, **recorded)
        deployed = replace(services, settings=replace(services.settings, processing_image="new"))
        start_processing(deployed, version.id)
        assert (job(services, version).state, sagemaker.requests) == (
            "STARTED",
            {recorded["ProcessingJobName"]: recorded},
        )

    def test_a_push_of_code_does_not_change_a_recorded_job(self, services, sagemaker, planned):
        version, recorded, _ = planned
        push_code(services.s3, "models", b"other packages", "later")
        start_processing(services, version.id)
        assert list(sagemaker.requests.values()) == [recorded]

    def test_a_record_of_an_earlier_version_names_no_code(self, services, sagemaker, planned):
        version, recorded, _ = planned
        services.ledger.note(job(services, version), model_digest="")
        start_processing(services, version.id)
        assert list(sagemaker.requests.values()) == [recorded]

    def test_the_code_of_a_forged_digest_is_in_the_prefix_of_code(self, services, sagemaker, planned):
        version, _, _ = planned
        services.ledger.note(job(services, version), model_digest="../../shards/x")
        start_processing(services, version.id)
        (request,) = sagemaker.requests.values()
        code = request["ProcessingInputs"][0]["S3Input"]["S3Uri"]
        assert code.startswith("s3://models/processing/")

    def test_two_deploys_at_once_do_not_overwrite_each_other(self, services, planned, monkeypatch):
        version, *_ = planned
        deployed = replace(services, settings=replace(services.settings, processing_image="new"))
        monkeypatch.setattr(services.ledger, "note", lambda *_, **__: False)
        with pytest.raises(RetryableError, match="another invocation"):
            start_processing(deployed, version.id)


class TestRepeats:
    """Every message may be delivered again, and every invocation may crash anywhere."""

    def test_a_repeated_event_starts_nothing(self, services, validate, sagemaker, drop):
        version = drop()
        for _ in range(3):
            validate(services, version)
        assert sagemaker.creations == 1

    @pytest.mark.parametrize("broken", ["create", "move"])
    def test_a_crash_before_or_after_the_call_leaves_one_job(
        self, services, validate, sagemaker, drop, monkeypatch, broken
    ):
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

    def test_an_existing_job_is_adopted_only_if_it_does_the_same(self, services, validate, sagemaker, drop, sent):
        version = drop()
        sagemaker.put(PROCESSING, ProcessingJobName=examination_name(version.id, 1), RoleArn="another's")
        validate(services, version)
        assert (job(services, version).state, job(services, version).reason) == (
            "FAILED",
            "a job of this name exists with another RoleArn",
        )
        assert job(services, version, 2).state == "STARTED"

    def test_two_simultaneous_deliveries_make_one_job(self, services, validate, sagemaker, drop, monkeypatch):
        version, create = drop(), type(services.ledger).create

        def late(ledger, record):
            if record.kind == JOB:
                monkeypatch.undo()
                validate(services, version)  # another invocation, at this moment
            return create(ledger, record)

        monkeypatch.setattr(type(services.ledger), "create", late)
        validate(services, version)
        assert list(sagemaker.jobs) == [job(services, version).name]
        assert job(services, version).state == "STARTED"

    def test_a_repeated_end_only_sends_the_message_again(self, services, validate, sagemaker, drop, sent):
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
        assert len(sent) == 3, "resolved: there is no message to validate"

    def test_an_end_before_the_start_was_recorded_is_accepted(self, services, validate, sagemaker, drop, monkeypatch):
        version = drop()
        monkeypatch.setattr(services.ledger, "move", lambda *_, **__: False)
        validate(services, version)
        monkeypatch.undo()
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        assert job(services, version).state == "DONE"

    def test_nothing_happens_while_the_job_runs(self, services, validate, drop, sent):
        version = drop()
        validate(services, version)
        finish(services, job(services, version).name)
        assert (job(services, version).state, sent) == ("STARTED", [])


class TestFailures:
    def failed(self, services, validate, sagemaker, version, number: int) -> None:
        name = job(services, version, number).name
        sagemaker.end(name, "Failed", FailureReason="AlgorithmError: See job logs")
        finish(services, name)
        validate(services, version)

    def test_a_failed_job_is_followed_by_another_and_then_the_lab_is_notified(
        self, services, validate, sagemaker, drop, sent
    ):
        version = drop()
        validate(services, version)
        self.failed(services, validate, sagemaker, version, 1)
        assert (job(services, version).state, job(services, version, 2).state) == ("FAILED", "STARTED")
        assert mails(sent) == []
        self.failed(services, validate, sagemaker, version, 2)
        (mail,) = mails(sent)
        assert version.id in mail
        assert "AlgorithmError: See job logs" in mail
        validate(services, version)
        finish(services, job(services, version, 2).name)
        assert (state(services, version), len(mails(sent)), sagemaker.creations) == ("RECEIVED", 1, 2)

    def test_the_examination_of_a_job_that_failed_afterwards_is_used(self, services, validate, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        run(services, sagemaker, job(services, version).name)
        self.failed(services, validate, sagemaker, version, 1)
        assert (state(services, version), sagemaker.creations, mails(sent)) == ("VALIDATED", 1, [])

    def test_a_stopped_job_is_not_started_again(self, services, validate, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        sagemaker.end(job(services, version).name, "Stopped")
        finish(services, job(services, version).name)
        validate(services, version)
        assert (job(services, version).state, sagemaker.creations, len(mails(sent))) == ("STOPPED", 1, 1)

    @pytest.fixture(params=["ResourceLimitExceeded", "ThrottlingException"])
    def busy(self, sagemaker, request):
        sagemaker.refusal = request.param
        return sagemaker

    def test_without_capacity_the_job_waits(self, services, validate, busy, drop, sent, clock):
        version = drop()
        validate(services, version)
        assert (job(services, version).state, mails(sent)) == ("PLANNED", [])
        busy.refusal = None
        clock.pass_minutes(2)
        validate(services, version)
        assert job(services, version).state == "STARTED"

    def test_there_is_one_mail_about_a_refused_request(self, services, validate, sagemaker, drop, sent):
        version, sagemaker.refusal = drop(), "ValidationException"
        for _ in range(3):
            validate(services, version)
        assert [job(services, version, n).state for n in (1, 2)] == ["FAILED", "FAILED"]
        (mail,) = mails(sent)
        assert "SageMaker refused the job: no" in mail
        assert state(services, version) == "RECEIVED"

    def test_a_passing_error_of_sagemaker_is_tried_again(self, services, validate, sagemaker, drop):
        version, sagemaker.refusal = drop(), "InternalFailure"
        with pytest.raises(ClientError):
            validate(services, version)
        assert job(services, version).state == "PLANNED"

    def test_without_code_the_lab_is_notified_and_the_upload_advances_once_there_is(
        self, services, validate, drop, sent
    ):
        services.s3.delete_object(Bucket="models", Key="processing/current.json")
        version = drop()
        validate(services, version)
        (mail,) = mails(sent)
        assert "seqdrop processing push" in mail
        assert "Seqdrop tries again by itself, less and less often, but at least once a day." in mail
        assert (job(services, version), state(services, version)) == (None, "RECEIVED")
        push_code(services.s3, "models", b"packages", "now")
        validate(services, version)
        assert job(services, version).state == "STARTED"

    def test_code_that_is_not_copied_yet_is_waited_for_without_a_mail(self, services, validate, drop, sent):
        """After an upgrade, until the reconciler has run."""
        for item in services.s3.list_objects_v2(Bucket="models")["Contents"]:
            body = services.s3.get_object(Bucket="models", Key=item["Key"])["Body"].read()
            services.s3.put_object(Bucket="results", Key=item["Key"], Body=body)
            services.s3.delete_object(Bucket="models", Key=item["Key"])
        version = drop()
        with pytest.raises(NotMigratedError):
            validate(services, version)
        assert (job(services, version), mails(sent)) == (None, [])
        migrate(services)
        validate(services, version)
        assert job(services, version).state == "STARTED"

    def test_an_upload_deleted_before_its_job_is_withdrawn(self, services, validate, sagemaker, drop):
        version = drop()
        services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        validate(services, version)
        assert (state(services, version), sagemaker.creations) == ("WITHDRAWN", 0)

    def test_an_upload_deleted_during_its_job_is_withdrawn(self, services, validate, sagemaker, drop):
        version = drop()
        validate(services, version)
        services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        with pytest.raises(ObjectGoneError):
            run(services, sagemaker, job(services, version).name)
        sagemaker.end(job(services, version).name, "Completed")  # as the container handles it
        finish(services, job(services, version).name)
        validate(services, version)
        assert state(services, version) == "WITHDRAWN"


class TestStalled:
    """The time of the records is long ago, so every record that is not in a final state is stalled."""

    def test_an_upload_in_a_job_is_not_nudged_and_its_job_is(self, services, validate, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        assert reconcile(services)["started_jobs"] == 0, "it runs"
        run(services, sagemaker, job(services, version).name)
        pushed = reconcile(services)
        assert (pushed["received"], pushed["started_jobs"]) == (0, 1)
        ((queue, message),) = sent
        assert (queue, message["detail-type"]) == ("finish_queue", "SageMaker Processing Job State Change")
        assert message["detail"]["ProcessingJobName"] == job(services, version).name

    def test_a_job_that_waits_for_capacity_is_sent_to_start_processing(
        self, services, validate, sagemaker, drop, sent, clock
    ):
        version, sagemaker.refusal = drop(), "ResourceLimitExceeded"
        validate(services, version)
        clock.pass_minutes(2)
        pushed = reconcile(services)
        assert (pushed["received"], pushed["unstarted_jobs"]) == (0, 1)
        assert sent == [(PROCESSING_QUEUE, {"upload": version.id})]
        sagemaker.refusal = None
        deliver(services, sent)
        assert job(services, version).state == "STARTED"

    def test_an_upload_whose_message_to_start_processing_was_lost_is_validated_again(self, services, drop, sent):
        version = drop()
        validation.validate(services, version)
        sent.clear()
        assert reconcile(services)["received"] == 1
        ((queue, message),) = sent
        assert (queue, parse_landed_versions(message)) == ("validate_queue", [version])

    def test_an_upload_whose_job_is_done_is_nudged(self, services, validate, sagemaker, drop, sent):
        version = drop()
        validate(services, version)
        run(services, sagemaker, job(services, version).name)
        finish(services, job(services, version).name)
        sent.clear()
        assert reconcile(services)["received"] == 1
        assert [queue for queue, _ in sent] == ["validate_queue"]

    def test_an_upload_that_is_left_to_a_person_is_not_nudged(self, services, validate, sagemaker, drop, sent):
        version, sagemaker.refusal = drop(), "ValidationException"
        validate(services, version)
        sent.clear()
        assert reconcile(services)["received"] == 0
        assert sent == []
