"""Training files in any order lead to one job; its end leads to a model, a reason, or another try."""

import hashlib
import io
import itertools
import json
import random
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.config.promotion import Promotion
from seqdrop.errors import ConfigurationError, NotMigratedError
from seqdrop.ledger.records import Upload
from seqdrop.models import pointers
from seqdrop.models.code_bundles import push_program
from seqdrop.models.registry import Version, make_current
from seqdrop.monitoring.baseline import TRAINING as TRAINING_DATA
from seqdrop.monitoring.baseline import Baseline
from seqdrop.sagemaker.names import job_name
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.assemble import training_sets
from seqdrop.stages.assemble.view import require_analysis
from seqdrop.stages.finish import candidates
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.migration import migrate
from seqdrop.stages.operator.release import explain_refusal, release
from seqdrop.stages.operator.replay import plan_replay, replay
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.start_training.start_training import launch_training, start_training
from seqdrop.stages.validate.validate import validate
from seqdrop.training.data.store import Store
from seqdrop.training.request import Order
from seqdrop.uploads import UploadVersion

from local.proteins import encode_data_set, make_proteins
from tests.support.aws.errors import RefusedError
from tests.support.aws.sagemaker import TRAINING

JOB = """
model = "cnn"
[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"
[instance]
type = "ml.m5.xlarge"
[gate]
min_q3 = 0.7
"""
BODIES = encode_data_set(make_proteins(random.Random(3), {"train": 6, "validation": 2, "test": 2}), JOB)
NAMES = sorted(BODIES)
POINTER = "models/structure/current.json"
# The pointer's entry of a model that the lab pushed, with a figure on test records of its own.
SEED = {"key": "models/structure/seed.tar.gz", "digest": "5eed", "labels": list("HEC"), "calibration": ""}
SEED |= {"task": "ss3", "figure": 0.79, "since": "2026-01-01T00:00:00.000Z"}


@pytest.fixture
def services(services):
    push_program(services.s3, "models", "protein", b"code", "now")
    return services


@pytest.fixture
def promoting(services):
    """Services of a lab whose stack and analyses.toml let a trained model become the current one by itself."""
    return permit(services)


def permit(services, **promotion):
    analyses = services.analyses
    proteins = replace(analyses.by_name["proteins"], promotion=Promotion(**{"promotes": True, **promotion}))
    return replace(
        services,
        settings=replace(services.settings, training_promotes="true"),
        analyses=replace(analyses, by_name={**analyses.by_name, "proteins": proteins}),
    )


@pytest.fixture
def drop(services):
    count = itertools.count(1)

    def put(name: str, body: bytes | None = None, training: str = "x") -> UploadVersion:
        body, key = BODIES[name] if body is None else body, f"training/{training}/{name}"
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        order = f"{next(count):04X}"
        return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'), order)

    return put


@pytest.fixture
def dropped(services, drop) -> dict[str, UploadVersion]:
    """Drop and validate a complete training set."""
    versions = {name: drop(name) for name in NAMES}
    for version in versions.values():
        validate(services, version)
    return versions


def reusing(version: UploadVersion, body: bytes = BODIES["job.toml"]) -> bytes:
    """Return a job.toml that names the data of an earlier training."""
    return f'reuse = "{version.id}"\n'.encode() + body


def states(services, versions) -> set[str]:
    return {services.ledger.find_upload(version.id).state for version in versions}


def attempt_of(services, version):
    (attempt,) = services.ledger.attempts(version.id)
    return attempt


def read(services, key: str) -> dict:
    bucket = "models" if key.startswith(keys.MODELS) else "results"
    return json.loads(services.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def pointer_of(services) -> dict | None:
    return pointers.read(services.s3, "models", POINTER)


def drop_set(services, drop, job: str) -> UploadVersion:
    """Drop and validate a complete training set with this job.toml; return the version of job.toml."""
    for name in NAMES:
        if name != "job.toml":
            validate(services, drop(name))
    head = drop("job.toml", job.encode())
    validate(services, head)
    return head


def mails(sent) -> list[str]:
    return [mail["Message"] for queue, mail in sent if queue == "topic"]


def archived(**members: dict) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            body = json.dumps(content).encode()
            info = tarfile.TarInfo(name.replace("_json", ".json"))
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def forget_prepared(services) -> None:
    """Delete the prepared data, so that all files must be read again."""
    for key in services.s3.list_objects_v2(Bucket="work", Prefix="training/")["Contents"]:
        services.s3.delete_object(Bucket="work", Key=key["Key"])


def train(services, sagemaker, version, q3: float | None = 0.8) -> str:
    """Start the job of a job.toml and let it complete; return its name."""
    attempt = attempt_of(services, version)
    start_training(services, attempt.key)
    name = job_name([attempt])
    config = {"seqdrop": {"model": "cnn", "task": "ss3", "classes": "HEC"}}
    metrics = {} if q3 is None else {"test_q3": q3}
    for key, body in {
        "model.tar.gz": archived(config_json=config, name=name),
        "output.tar.gz": archived(card_json={"model": "cnn", "metrics": metrics}),
    }.items():
        services.s3.put_object(Bucket="work", Key=f"jobs/{name}/output/{key}", Body=body)
    sagemaker.end(name, "Completed")
    finish(services, name)
    return name


def fail(services, sagemaker, version, status: str = "Failed", **end) -> str:
    attempt = services.ledger.attempts(version.id)[-1]
    start_training(services, attempt.key)
    name = job_name([attempt])
    sagemaker.end(name, status, **end)
    finish(services, name)
    return name


class TestGathering:
    @pytest.mark.parametrize("order", [NAMES, NAMES[::-1], NAMES[2:] + NAMES[:2], NAMES[1:] + NAMES[:1]])
    def test_one_attempt_whatever_the_order(self, services, drop, sent, order):
        versions = {name: drop(name) for name in order}
        for name in order[:-1]:
            validate(services, versions[name])
        assert (states(services, [versions[name] for name in order[:-1]]), sent) == ({"WAITING"}, [])
        validate(services, versions[order[-1]])
        assert states(services, versions.values()) == {"VALIDATED"}
        attempt = attempt_of(services, versions["job.toml"])
        assert sent == [("training_queue", {"attempt": attempt.key})]
        for name in set(NAMES) - {"job.toml"}:
            assert services.ledger.find_upload(versions[name].id).training == attempt.key
            assert services.ledger.attempts(versions[name].id) == []

    def test_repeated_messages_change_nothing(self, services, dropped, sent):
        before = [services.ledger.find_upload(version.id) for version in dropped.values()]
        for version in dropped.values():
            validate(services, version)
        assert [services.ledger.find_upload(version.id) for version in dropped.values()] == before
        assert {json.dumps(message) for message in sent} == {json.dumps(sent[0])}
        assert len(services.ledger.attempts(dropped["job.toml"].id)) == 1

    @pytest.mark.parametrize("last", NAMES)
    def test_of_two_last_files_at_the_same_moment_the_later_sees_the_earlier(self, services, drop, monkeypatch, last):
        versions = {name: drop(name) for name in NAMES}
        other = next(name for name in NAMES if name != last)
        for name in set(NAMES) - {last, other}:
            validate(services, versions[name])
        write = type(services.ledger).move_together

        def late(ledger, *arguments, **named):
            monkeypatch.undo()
            validate(services, versions[other])  # another invocation, at this moment
            return write(ledger, *arguments, **named)

        monkeypatch.setattr(type(services.ledger), "move_together", late)
        validate(services, versions[last])
        assert states(services, versions.values()) == {"VALIDATED"}
        assert len(services.ledger.attempts(versions["job.toml"].id)) == 1

    def test_after_a_crash_before_the_transaction_the_next_delivery_completes_it(self, services, drop, monkeypatch):
        versions = {name: drop(name) for name in NAMES}
        for name in NAMES[:-1]:
            validate(services, versions[name])
        monkeypatch.setattr(services.ledger, "move_together", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            validate(services, versions[NAMES[-1]])
        monkeypatch.undo()
        monkeypatch.setattr("seqdrop.training.data.store.prepare", lambda *_: pytest.fail("they were read before"))
        validate(services, versions[NAMES[-1]])
        assert states(services, versions.values()) == {"VALIDATED"}

    def test_the_report_names_the_files_of_the_attempt_even_after_a_lost_race(self, services, drop, monkeypatch):
        versions = {name: drop(name) for name in NAMES if name != "mask.fasta"}
        for version in versions.values():
            validate(services, version)
        prepared = Store.load_or_prepare
        late = []

        def slow(store):
            result = prepared(store)
            monkeypatch.undo()
            late.append(drop("mask.fasta"))
            validate(services, late[0])  # another invocation, at this moment
            return result

        monkeypatch.setattr(Store, "load_or_prepare", slow)
        validate(services, drop("mask.fasta"))
        head, (new,) = versions["job.toml"], late
        assert json.loads(attempt_of(services, head).plan)["files"]["mask.fasta"] == new.id
        assert read(services, f"reports/{head.id}.json")["data"]["files"]["mask.fasta"] == new.id

    def test_after_a_crash_before_the_report_the_next_delivery_writes_it(self, services, drop, monkeypatch):
        versions = {name: drop(name) for name in NAMES}
        for name in NAMES[:-1]:
            validate(services, versions[name])

        def die(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(training_sets, "report_training", die)
        with pytest.raises(KeyboardInterrupt):
            validate(services, versions[NAMES[-1]])
        monkeypatch.undo()
        assert states(services, versions.values()) == {"VALIDATED"}
        validate(services, versions[NAMES[-1]])
        report = read(services, f"reports/{versions['job.toml'].id}.json")
        assert report["data"]["files"]["mask.fasta"] == versions["mask.fasta"].id

    def test_a_newer_file_takes_the_slot_of_a_waiting_one(self, services, drop):
        old = drop("mask.fasta", b">broken\n0\n")
        validate(services, old)
        versions = {name: drop(name) for name in NAMES}
        for version in versions.values():
            validate(services, version)
        assert states(services, versions.values()) == {"VALIDATED"}
        assert services.ledger.find_upload(old.id).reason == "superseded"

    def test_a_late_older_file_does_not_take_the_slot(self, services, drop):
        old, new = drop("mask.fasta", b">broken\n0\n"), drop("mask.fasta")
        validate(services, new)
        validate(services, old)
        assert services.ledger.find_upload(old.id).reason == "superseded"
        assert services.ledger.find_upload(new.id).state == "WAITING"

    def test_files_that_job_toml_does_not_name_keep_waiting(self, services, drop, dropped):
        note = drop("notes.txt", b"about it")
        validate(services, note)
        assert states(services, [note]) == {"WAITING"}
        assert states(services, dropped.values()) == {"VALIDATED"}

    def test_a_file_deleted_while_it_waits_is_withdrawn(self, services, drop):
        versions = {name: drop(name) for name in NAMES}
        for name in NAMES[:-1]:
            validate(services, versions[name])
        gone = versions["mask.fasta"]
        services.s3.delete_object(Bucket="landing", Key=gone.key, VersionId=gone.version_id)
        validate(services, versions[NAMES[-1]])
        assert services.ledger.find_upload(gone.id).state == "WITHDRAWN"
        assert states(services, [v for n, v in versions.items() if n != "mask.fasta"]) == {"WAITING"}

    def test_two_trainings_do_not_mix(self, services, drop):
        for name in NAMES:
            validate(services, drop(name, training="x" if name != "mask.fasta" else "y"))
        assert not list(services.ledger.in_state("attempt", "PLANNED"))

    def test_the_lab_is_notified_once_of_a_file_that_waits_for_long(self, services, drop, sent, monkeypatch):
        with monkeypatch.context() as then:
            then.setattr("seqdrop.clock.utc_now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
            validate(services, drop("mask.fasta"))
        assert reconcile(services)["unmated"] == 1
        assert reconcile(services)["unmated"] == 0
        assert "in training/x/, job.toml is missing" in mails(sent)[0]


class TestRejections:
    def validate_all(self, services, drop, bodies: dict[str, bytes]) -> dict[str, str]:
        versions = {name: drop(name, body) for name, body in bodies.items()}
        for version in versions.values():
            validate(services, version)
        uploads = {name: services.ledger.find_upload(version.id) for name, version in versions.items()}
        for upload in uploads.values():
            if upload.state == "REJECTED":
                assert read(services, f"reasons/{upload.id}.json")["code"] == upload.reason
        return {name: f"{upload.state} {upload.reason}".strip() for name, upload in uploads.items()}

    def test_bad_data_rejects_the_whole_set_with_one_mail(self, services, drop, sent):
        bad = BODIES["sampled.fasta"].replace(b"H\n", b"HH\n", 1)
        outcomes = self.validate_all(services, drop, BODIES | {"sampled.fasta": bad})
        assert outcomes == dict.fromkeys(NAMES, "REJECTED length_mismatch")
        assert len(mails(sent)) == 1
        assert "Then drop the whole folder again" in mails(sent)[0]

    def test_a_bad_job_is_rejected_alone_and_the_data_waits_for_another(self, services, drop):
        outcomes = self.validate_all(services, drop, BODIES | {"job.toml": b'model = "cnm"\n'})
        assert outcomes.pop("job.toml") == "REJECTED bad_job"
        assert set(outcomes.values()) == {"WAITING"}
        again = drop("job.toml")
        validate(services, again)
        assert attempt_of(services, again).state == "PLANNED"

    def test_a_job_that_no_machine_can_run_is_rejected(self, services, drop):
        body = BODIES["job.toml"] + b'[distribution]\nprofile = "lora"\n'
        assert self.validate_all(services, drop, {"job.toml": body}) == {"job.toml": "REJECTED bad_job"}

    @pytest.mark.parametrize("key", ["training/job.toml", "training/a_b/job.toml", f"training/{'x' * 37}/job.toml"])
    def test_a_key_without_the_name_of_a_training_is_rejected(self, services, drop, key):
        version = replace(drop("job.toml"), key=key)
        validate(services, version)
        assert services.ledger.find_upload(version.id).reason == "no_training"

    def test_without_an_analysis_the_error_names_the_upload_and_not_the_file(self, services, drop):
        upload = Upload.from_version(drop("job.toml"), "training")
        with pytest.raises(ConfigurationError, match=upload.id) as error:
            require_analysis(replace(services.analyses, by_name={}), upload)
        assert upload.key not in str(error.value)

    def test_the_number_of_slots_is_limited(self, services, drop, monkeypatch):
        monkeypatch.setattr("seqdrop.stages.assemble.training_sets.MAX_MEMBERS", 2)
        for name in "ab":
            validate(services, drop(name, b"x"))
        third = drop("c", b"x")
        validate(services, third)
        assert services.ledger.find_upload(third.id).reason == "too_many_files"


class TestStart:
    def test_the_request_of_the_job(self, services, sagemaker, dropped):
        attempt = attempt_of(services, dropped["job.toml"])
        start_training(services, attempt.key)
        (request,) = sagemaker.requests.values()
        assert request["TrainingJobName"] == f"seqdrop-training-{dropped['job.toml'].id}-1"
        uris = {item["ChannelName"]: item["DataSource"]["S3DataSource"]["S3Uri"] for item in request["InputDataConfig"]}
        listed = services.s3.list_objects_v2(Bucket="work", Prefix=uris["data"].removeprefix("s3://work/"))["Contents"]
        assert [item["Key"].rsplit("/", 1)[1] for item in listed] == ["test.jsonl", "train.jsonl", "validation.jsonl"]
        assert uris["code"].startswith("s3://models/training/protein/")
        assert request["CheckpointConfig"]["S3Uri"] == f"s3://work/checkpoints/{request['TrainingJobName']}/"
        job = services.ledger.find_job(request["TrainingJobName"])
        assert (job.state, job.task, job.members) == ("STARTED", "train", [attempt.key])
        plan = read(services, f"results/training/{dropped['job.toml'].id}/plan.json")
        assert (plan["instance"], plan["fits"]) == ("ml.m5.xlarge", True)

    def test_replaced_code_is_not_started(self, services, sagemaker, dropped, sent):
        attempt = attempt_of(services, dropped["job.toml"])
        prefix = read(services, "training/protein/current.json")["current"]["prefix"]
        services.s3.put_object(Bucket="models", Key=f"{prefix}sourcedir.tar.gz", Body=b"planted")
        start_training(services, attempt.key)
        assert (attempt_of(services, dropped["job.toml"]).state, sagemaker.jobs) == ("FAILED", {})
        assert "does not have the SHA-256 of its pointer" in mails(sent)[-1]

    def test_code_that_is_not_copied_yet_is_waited_for(self, services, sagemaker, dropped):
        """After an upgrade, until the reconciler has run."""
        attempt = attempt_of(services, dropped["job.toml"])
        for item in services.s3.list_objects_v2(Bucket="models")["Contents"]:
            body = services.s3.get_object(Bucket="models", Key=item["Key"])["Body"].read()
            services.s3.put_object(Bucket="results", Key=item["Key"], Body=body)
            services.s3.delete_object(Bucket="models", Key=item["Key"])
        with pytest.raises(NotMigratedError):
            start_training(services, attempt.key)
        assert attempt_of(services, dropped["job.toml"]).state == "PLANNED"
        migrate(services)
        start_training(services, attempt.key)
        assert attempt_of(services, dropped["job.toml"]).state == "SUBMITTED"

    def test_a_second_message_starts_no_second_job(self, services, sagemaker, dropped):
        key = attempt_of(services, dropped["job.toml"]).key
        for _ in range(3):
            start_training(services, key)
        assert len(sagemaker.jobs) == 1

    @pytest.mark.parametrize("broken", ["create", "move"])
    def test_a_crash_before_or_after_the_call_leaves_one_job(self, services, sagemaker, dropped, monkeypatch, broken):
        key = attempt_of(services, dropped["job.toml"]).key
        target, name = (sagemaker, "create_training_job") if broken == "create" else (services.ledger, "move")

        def die(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(target, name, die)
        with pytest.raises(KeyboardInterrupt):
            start_training(services, key)
        monkeypatch.undo()
        (job,) = services.ledger.in_state("job", "PLANNED")
        launch_training(services, job.name)
        assert (services.ledger.find_job(job.name).state, list(sagemaker.jobs)) == ("STARTED", [job.name])

    @pytest.mark.parametrize("exists", [False, True])
    def test_a_job_recorded_without_isolation_is_isolated_unless_it_runs(self, services, sagemaker, dropped, exists):
        """Versions up to 0.2.0 recorded such jobs by default; IAM refuses them now."""
        sagemaker.refusal = "ThrottlingException"
        start_training(services, attempt_of(services, dropped["job.toml"]).key)
        (job,) = services.ledger.in_state("job", "PLANNED")
        recorded = json.loads(job.request) | {"EnableNetworkIsolation": False}
        services.ledger.note(job, request=json.dumps(recorded), due_at="")
        sagemaker.refusal = None
        if exists:
            sagemaker.put(TRAINING, **recorded)
        launch_training(services, job.name)
        assert services.ledger.find_job(job.name).state == "STARTED"
        assert sagemaker.requests == {job.name: recorded | {"EnableNetworkIsolation": not exists}}

    def test_without_capacity_the_job_waits_and_is_nudged(self, services, sagemaker, dropped, sent, clock):
        sagemaker.refusal = "ResourceLimitExceeded"
        start_training(services, attempt_of(services, dropped["job.toml"]).key)
        (job,) = services.ledger.in_state("job", "PLANNED")
        clock.pass_minutes(2)
        assert reconcile(services)["unstarted_jobs"] == 1
        assert ("training_queue", {"job": job.name}) in sent
        sagemaker.refusal = None
        launch_training(services, job.name)
        assert services.ledger.find_job(job.name).state == "STARTED"

    def test_the_lab_is_notified_of_a_refused_plan(self, services, sagemaker, drop, sent):
        body = BODIES["job.toml"].replace(b'model = "cnn"', b'model = "cnn"\nbudget_usd = 0')
        versions = {name: drop(name, body if name == "job.toml" else None) for name in NAMES}
        for version in versions.values():
            validate(services, version)
        start_training(services, attempt_of(services, versions["job.toml"]).key)
        attempt = attempt_of(services, versions["job.toml"])
        assert (attempt.state, sagemaker.jobs) == ("FAILED", {})
        assert "budget_usd is 0" in attempt.reason
        assert read(services, f"reasons/{attempt.upload_id}.json")["message"] == attempt.reason
        (mail,) = (mail["Message"] for queue, mail in sent if queue == "topic")
        assert "attempt 1 failed (no job was started)" in mail
        assert states(services, versions.values()) == {"VALIDATED"}

    def test_a_job_toml_above_the_ceiling_of_the_stack_is_refused(self, services, sagemaker, drop, sent):
        body = BODIES["job.toml"].replace(b'model = "cnn"', b'model = "cnn"\nbudget_usd = 1000')
        versions = {name: drop(name, body if name == "job.toml" else None) for name in NAMES}
        for version in versions.values():
            validate(services, version)
        start_training(services, attempt_of(services, versions["job.toml"]).key)
        attempt = attempt_of(services, versions["job.toml"])
        assert (attempt.state, sagemaker.creations) == ("FAILED", 0)
        assert "this stack allows at most 50 US dollars" in attempt.reason
        (mail,) = (mail["Message"] for queue, mail in sent if queue == "topic")
        assert "ask the person who deploys the stack to change its parameter TrainingBudget" in mail
        raised = replace(services, settings=replace(services.settings, training_budget=1000.0))
        assert replay(raised, plan_replay(raised, services.ledger.find_upload(attempt.upload_id)))
        start_training(raised, attempt.next_attempt().key)
        assert services.ledger.attempts(attempt.upload_id)[-1].state == "SUBMITTED"

    def test_a_recorded_job_that_could_cost_more_is_not_started(self, services, sagemaker, dropped, sent):
        """An earlier version recorded it, or the ceiling was lowered while it waited for capacity."""
        sagemaker.refusal = "ResourceLimitExceeded"
        start_training(services, attempt_of(services, dropped["job.toml"]).key)
        (job,) = services.ledger.in_state("job", "PLANNED")
        sagemaker.refusal, creations = None, sagemaker.creations
        services.ledger.note(job, due_at="")
        lower = replace(services, settings=replace(services.settings, training_budget=1.0))
        launch_training(lower, job.name)
        assert (services.ledger.find_job(job.name).state, sagemaker.creations) == ("FAILED", creations)
        attempt = attempt_of(services, dropped["job.toml"])
        assert (attempt.state, "could cost $2.76" in attempt.reason) == ("FAILED", True)

    def test_a_job_that_iam_denies_fails_at_once_with_a_reason(self, services, sagemaker, dropped, sent):
        text = "User: x is not authorized to perform: sagemaker:CreateTrainingJob on resource: y"
        sagemaker.accidents = [(RefusedError("AccessDeniedException", text), None)]
        start_training(services, attempt_of(services, dropped["job.toml"]).key)
        attempt = attempt_of(services, dropped["job.toml"])
        assert (attempt.state, sagemaker.jobs) == ("FAILED", {})
        (mail,) = (mail["Message"] for queue, mail in sent if queue == "topic")
        assert "IAM does not allow this job" in mail

    def test_without_code_or_weights_the_reason_says_what_to_do(self, services, sagemaker, drop):
        body = BODIES["job.toml"].replace(b'model = "cnn"', b'model = "protbert"\nweights = "prot_bert_bfd"')
        version = drop("job.toml", body)
        for name in NAMES:
            validate(services, drop(name) if name != "job.toml" else version)
        start_training(services, attempt_of(services, version).key)
        assert "no model 'prot_bert_bfd' yet" in attempt_of(services, version).reason


class TestEnd:
    def test_a_good_model_is_registered_as_a_candidate(self, services, sagemaker, dropped, sent):
        name = train(services, sagemaker, dropped["job.toml"])
        summary = read(services, f"results/training/{dropped['job.toml'].id}/summary.json")
        version = Version("structure", summary["version"])
        assert (summary["current"], summary["passed"]) == (False, True)
        assert summary["promote"] == f"seqdrop models promote structure {version.version} --yes"
        card = read(services, version.card_key)
        assert (card["figure"], card["labels"], card["job"]) == (0.8, ["H", "E", "C"], name)
        assert card["gate"] == {"passed": True, "why": summary["why"]}
        assert (card["data"]["uploads"]["job.toml"], card["code_digest"]) == (
            dropped["job.toml"].id,
            services.ledger.find_job(name).model_digest,
        )
        body = services.s3.get_object(Bucket="models", Key=version.key)["Body"].read()
        assert body == services.s3.get_object(Bucket="work", Key=f"jobs/{name}/output/model.tar.gz")["Body"].read()
        assert pointer_of(services) is None
        assert attempt_of(services, dropped["job.toml"]).state == "TRAINED"
        assert services.ledger.find_job(name).state == "DONE"
        queued = [body["upload"] for queue, body in sent if queue == "archive_queue"]
        assert sorted(queued) == sorted(version.id for version in dropped.values())
        mail = mails(sent)[0]
        assert "is registered as a candidate" in mail
        assert "become current only when a person promotes them" in mail
        assert f"\n  seqdrop models promote structure {version.version}\n" in mail

    def test_a_good_model_becomes_the_current_one_if_stack_and_analyses_permit_it(
        self, promoting, sagemaker, dropped, sent
    ):
        name = train(promoting, sagemaker, dropped["job.toml"])
        pointer = pointer_of(promoting)["current"]
        card = read(promoting, pointer["key"].replace("model.tar.gz", "card.json"))
        assert (pointer["figure"], pointer["labels"], card["job"]) == (0.8, ["H", "E", "C"], name)
        assert (pointer["by"], pointer["why"]) == ("gate", card["gate"]["why"])
        summary = read(promoting, f"results/training/{dropped['job.toml'].id}/summary.json")
        assert (summary["current"], summary["promote"]) == (True, "")
        assert "is now the current model" in mails(sent)[0]
        assert "\n  seqdrop models rollback structure\n" in mails(sent)[0]

    @pytest.mark.parametrize(
        ("stack", "promotes"), [("true", False), ("false", True), ("training_promotes", True), ("True", True)]
    )
    def test_neither_the_stack_nor_analyses_alone_permits_it(self, services, sagemaker, dropped, stack, promotes):
        lab = permit(services, promotes=promotes)
        lab = replace(lab, settings=replace(lab.settings, training_promotes=stack))
        train(lab, sagemaker, dropped["job.toml"], 1.0)
        assert pointer_of(services) is None

    def test_card_and_mail_list_the_files_that_were_used(self, services, sagemaker, dropped, drop, sent):
        train(services, sagemaker, dropped["job.toml"])
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        train(services, sagemaker, again)
        for head, reuse in ((dropped["job.toml"], ""), (again, dropped["job.toml"].id)):
            summary = read(services, f"results/training/{head.id}/summary.json")
            card = read(services, f"models/structure/{summary['version']}/card.json")
            versions = {**dropped, "job.toml": head}
            assert card["data"]["uploads"] == {name: version.id for name, version in versions.items()}
            bodies = {**BODIES, **({"job.toml": reusing(dropped["job.toml"])} if reuse else {})}
            digests = {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()}
            assert (card["data"]["sha256"], card["data"]["reuse"]) == (digests, reuse)
            assert card["job_toml"].get("reuse", "") == reuse
            (mail,) = (mail for mail in mails(sent) if summary["version"] in mail)
            for name, version in versions.items():
                assert f"  {name}: upload {version.id}, SHA-256 {digests[name]}\n" in mail
            assert ("those of an earlier training" in mail) == bool(reuse)
            assert f'  reuse = "{head.id}"\n' in mail

    def test_a_file_whose_record_has_expired_has_no_sha256(self, services, sagemaker, dropped, monkeypatch, sent):
        find = type(services.ledger).find_upload
        gone = dropped["mask.fasta"].id
        monkeypatch.setattr(
            type(services.ledger), "find_upload", lambda self, id: None if id == gone else find(self, id)
        )
        train(services, sagemaker, dropped["job.toml"])
        summary = read(services, f"results/training/{dropped['job.toml'].id}/summary.json")
        assert "mask.fasta" not in summary["card"]["data"]["sha256"]
        assert f"mask.fasta: upload {gone}, SHA-256 not known any more" in mails(sent)[-1]

    def test_nothing_is_archived_before_the_end_of_the_job(self, services, dropped, sent):
        for version in dropped.values():
            archive(services, version.id)
        assert states(services, dropped.values()) == {"VALIDATED"}
        assert "Contents" not in services.s3.list_objects_v2(Bucket="archive")

    def test_a_second_message_only_enqueues_the_files(self, promoting, sagemaker, dropped, sent):
        services = promoting
        name = train(services, sagemaker, dropped["job.toml"])
        before = read(services, "models/structure/current.json"), len(mails(sent))
        finish(services, name)
        assert (read(services, "models/structure/current.json"), len(mails(sent))) == before

    def test_after_a_crash_the_next_delivery_completes_the_registration(
        self, promoting, sagemaker, dropped, monkeypatch
    ):
        services = promoting

        def die(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr("seqdrop.stages.finish.training._mail_model", die)
        with pytest.raises(KeyboardInterrupt):
            train(services, sagemaker, dropped["job.toml"])
        monkeypatch.undo()
        finish(services, job_name([attempt_of(services, dropped["job.toml"])]))
        assert attempt_of(services, dropped["job.toml"]).state == "TRAINED"
        pointer = pointer_of(services)
        summary = read(services, f"results/training/{dropped['job.toml'].id}/summary.json")
        assert (pointer["history"], summary["current"]) == ([], True)
        assert (summary["passed"], summary["why"]) == (True, pointer["current"]["why"])

    @pytest.mark.parametrize(("q3", "why"), [(0.69, "below 0.7"), (None, "not known")])
    def test_a_model_that_fails_the_gate_is_only_registered(self, promoting, sagemaker, dropped, sent, q3, why):
        services = promoting
        train(services, sagemaker, dropped["job.toml"], q3)
        summary = read(services, f"results/training/{dropped['job.toml'].id}/summary.json")
        assert (summary["current"], summary["passed"], why in summary["why"]) == (False, False, True)
        assert services.s3.list_objects_v2(Bucket="models", Prefix="models/structure/")["KeyCount"] == 3
        assert "is registered as a candidate" in mails(sent)[0]
        assert "It did not pass the gate." in mails(sent)[0]
        assert attempt_of(services, dropped["job.toml"]).state == "TRAINED"
        version = Version("structure", summary["version"])
        make_current(services.s3, "models", version, "now", "me")
        current = pointer_of(services)["current"]
        assert (current["key"], current["by"], current["why"]) == (version.key, "me", summary["why"])

    def test_a_worse_model_does_not_become_the_current_one(self, promoting, sagemaker, dropped, drop):
        services = promoting
        train(services, sagemaker, dropped["job.toml"], 0.9)
        first = pointer_of(services)
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        train(services, sagemaker, again, 0.8)
        assert pointer_of(services) == first
        better = drop("job.toml", reusing(again))
        validate(services, better)
        train(services, sagemaker, better, 0.95)
        now = pointer_of(services)
        assert (now["current"]["figure"], now["history"]) == (0.95, [first["current"]])

    @pytest.mark.parametrize("gate", ["min_q3 = 0\nany_test = true", "min_q3 = 0.0\nmin_mcc = -1\nany_test = true", ""])
    @pytest.mark.parametrize("q3", [0.3, 1.0])
    def test_a_dropped_job_toml_cannot_lower_the_bar(self, promoting, sagemaker, drop, sent, gate, q3):
        """The review's replacement of a model: no bar, any test records, and a test split made up to give 1.0."""
        services = promoting
        pointers.point(services.s3, "models", POINTER, SEED)
        head = drop_set(services, drop, JOB.partition("[gate]")[0] + f"[gate]\n{gate}\n")
        train(services, sagemaker, head, q3)
        summary = read(services, f"results/training/{head.id}/summary.json")
        assert (pointer_of(services)["current"], summary["current"], summary["passed"]) == (SEED, False, False)
        assert ("not measured on the same test split" if q3 == 1.0 else "below 0.7") in summary["why"]
        assert ("gate.any_test in job.toml has no effect" in mails(sent)[0]) == ("any_test" in gate)

    def test_a_dropped_job_toml_can_raise_the_bar(self, promoting, sagemaker, drop):
        head = drop_set(promoting, drop, JOB.replace("min_q3 = 0.7", "min_q3 = 0.9"))
        train(promoting, sagemaker, head, 0.85)
        summary = read(promoting, f"results/training/{head.id}/summary.json")
        assert (summary["passed"], "below 0.9" in summary["why"]) == (False, True)

    def test_a_name_that_no_analysis_uses_has_no_current_model(self, promoting, sagemaker, drop):
        """Pre-trained weights have such names; a training must not replace them."""
        head = drop_set(promoting, drop, JOB.replace('model = "cnn"', 'model = "cnn"\nname = "tiny-t5"'))
        train(promoting, sagemaker, head, 1.0)
        listed = promoting.s3.list_objects_v2(Bucket="models", Prefix="models/")["Contents"]
        assert [entry["Key"].rsplit("/", 1)[1] for entry in listed] == ["baseline.json", "card.json", "model.tar.gz"]

    def test_a_model_has_the_baseline_of_its_training_data(self, promoting, sagemaker, dropped):
        """Monitoring compares with it. It holds counts of the training split only."""
        train(promoting, sagemaker, dropped["job.toml"], 0.1)
        version = read(promoting, f"results/training/{dropped['job.toml'].id}/summary.json")["version"]
        stored = read(promoting, keys.model_baseline("structure", version))
        order = Order.from_json(attempt_of(promoting, dropped["job.toml"]).plan)
        baseline = Baseline.from_dict(stored)
        assert (baseline.source, baseline.alphabet) == (TRAINING_DATA, "protein")
        assert baseline.inputs.observations >= order.prepared.counts["train"]["records"] > 0
        assert baseline.inputs.histograms["kmers"].total > 0

    def test_data_without_a_baseline_still_make_a_model(self, promoting, sagemaker, dropped):
        """An earlier version prepared them."""
        order = Order.from_json(attempt_of(promoting, dropped["job.toml"]).plan)
        promoting.s3.delete_object(Bucket="work", Key=keys.training_baseline(order.data))
        train(promoting, sagemaker, dropped["job.toml"], 0.1)
        assert attempt_of(promoting, dropped["job.toml"]).state == "TRAINED"
        assert promoting.s3.list_objects_v2(Bucket="models", Prefix="models/structure/")["KeyCount"] == 2

    def test_other_classes_are_a_reason_against_a_model(self, promoting, sagemaker, dropped):
        other = {**SEED, "labels": list("ABC"), "figure": 0.1}
        pointers.point(promoting.s3, "models", POINTER, other)
        lab = permit(promoting, any_test=True)
        train(lab, sagemaker, dropped["job.toml"])
        assert pointer_of(lab)["current"] == other
        summary = read(lab, f"results/training/{dropped['job.toml'].id}/summary.json")
        assert "its classes are H, E, C, but those of the current model are A, B, C" in summary["why"]

    def test_a_person_who_is_faster_is_not_overruled(self, promoting, sagemaker, dropped, monkeypatch):
        """The gate judges again if the pointer moved after it was read, and no entry of the history is lost."""
        better = {**SEED, "figure": 0.99}

        def judge_late(*arguments):
            verdict = judge(*arguments)
            if pointer_of(promoting) is None:
                pointers.point(promoting.s3, "models", POINTER, better)
            return verdict

        judge = candidates.judge
        monkeypatch.setattr(candidates, "judge", judge_late)
        train(permit(promoting, any_test=True), sagemaker, dropped["job.toml"])
        summary = read(promoting, f"results/training/{dropped['job.toml'].id}/summary.json")
        assert (pointer_of(promoting)["current"], summary["current"]) == (better, False)
        assert "that of the current model is 0.9900" in summary["why"]

    def test_a_job_without_a_model_fails(self, services, sagemaker, dropped):
        fail(services, sagemaker, dropped["job.toml"], "Completed")
        assert attempt_of(services, dropped["job.toml"]).reason == "the job left no model.tar.gz"

    def test_nothing_happens_while_the_job_runs(self, services, sagemaker, dropped, sent):
        attempt = attempt_of(services, dropped["job.toml"])
        start_training(services, attempt.key)
        before = len(sent)
        finish(services, job_name([attempt]))
        assert (len(sent), attempt_of(services, dropped["job.toml"]).state) == (before, "SUBMITTED")

    def test_the_reconciler_finds_an_end_that_was_never_reported(self, services, sagemaker, dropped, sent):
        attempt = attempt_of(services, dropped["job.toml"])
        start_training(services, attempt.key)
        assert reconcile(services)["started_jobs"] == 0, "it runs"
        sagemaker.end(job_name([attempt]), "Completed")
        assert reconcile(services)["started_jobs"] == 1
        ((_, message),) = [message for message in sent if message[0] == "finish_queue"]
        assert message["detail-type"] == "SageMaker Training Job State Change"


class TestAgain:
    """A failed job leaves its reason and its checkpoints, and the next one continues from them."""

    @pytest.mark.parametrize(
        ("end", "why"),
        [
            ({"FailureReason": "AlgorithmError: out of memory"}, "AlgorithmError: out of memory"),
            ({"status": "Stopped"}, "the job ended as STOPPED"),
            ({"status": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}, "instance.max_hours"),
            ({"status": "Stopped", "SecondaryStatus": "MaxWaitTimeExceeded"}, "no spot machine"),
        ],
    )
    def test_the_reason_is_written_and_the_files_stay(self, services, sagemaker, dropped, sent, end, why):
        fail(services, sagemaker, dropped["job.toml"], **end)
        reason = read(services, f"reasons/{dropped['job.toml'].id}.json")
        assert (why in reason["message"], f'reuse = "{dropped["job.toml"].id}"' in reason["advice"]) == (True, True)
        assert (len(mails(sent)), states(services, dropped.values())) == (1, {"VALIDATED"})
        for version in dropped.values():
            archive(services, version.id)
        assert states(services, dropped.values()) == {"VALIDATED"}

    def test_job_toml_dropped_again_continues_from_the_checkpoints(self, services, sagemaker, dropped, drop, sent):
        first = fail(services, sagemaker, dropped["job.toml"])
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        name = train(services, sagemaker, again)
        assert name != first
        assert sagemaker.requests[name]["CheckpointConfig"] == sagemaker.requests[first]["CheckpointConfig"]
        for upload_id in {body["upload"] for queue, body in sent if queue == "archive_queue"}:
            assert services.ledger.deciding_attempts(services.ledger.find_upload(upload_id))[0].state == "TRAINED"
        queued = {body["upload"] for queue, body in sent if queue == "archive_queue"}
        assert queued >= {version.id for name, version in dropped.items() if name != "job.toml"} | {again.id}
        assert services.ledger.find_upload(dropped["job.toml"].id).training == attempt_of(services, again).key

    def test_with_other_settings_the_training_starts_anew(self, services, sagemaker, dropped, drop):
        first = fail(services, sagemaker, dropped["job.toml"])
        again = drop("job.toml", reusing(dropped["job.toml"], BODIES["job.toml"] + b"[train]\nseed = 7\n"))
        validate(services, again)
        name = train(services, sagemaker, again)
        assert sagemaker.requests[name]["CheckpointConfig"] != sagemaker.requests[first]["CheckpointConfig"]

    def test_after_a_success_the_training_starts_anew(self, services, sagemaker, dropped, drop):
        first = train(services, sagemaker, dropped["job.toml"])
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        name = train(services, sagemaker, again)
        assert sagemaker.requests[name]["CheckpointConfig"] != sagemaker.requests[first]["CheckpointConfig"]

    def test_after_the_data_is_archived_the_prepared_data_is_used(self, services, sagemaker, dropped, drop):
        train(services, sagemaker, dropped["job.toml"])
        for name, version in dropped.items():
            if name != "job.toml":
                services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
                services.ledger.move(services.ledger.find_upload(version.id), "ARCHIVED")
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        assert attempt_of(services, again).state == "PLANNED"
        forget_prepared(services)
        late = drop("job.toml", reusing(again))
        validate(services, late)
        assert services.ledger.find_upload(late.id).reason == "data_archived"

    def test_data_that_is_about_to_be_archived_belongs_to_the_earlier_training(
        self, services, sagemaker, dropped, drop
    ):
        """Archive deletes the objects before it writes the ledger: no other training may claim the files again."""
        train(services, sagemaker, dropped["job.toml"])
        first = attempt_of(services, dropped["job.toml"])
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        assert attempt_of(services, again).state == "PLANNED"
        for name in set(NAMES) - {"job.toml"}:
            assert services.ledger.find_upload(dropped[name].id).training == first.key
            archive(services, dropped[name].id)
        assert states(services, [dropped[name] for name in NAMES if name != "job.toml"]) == {"ARCHIVED"}

    def test_data_that_archive_deletes_at_this_moment_is_not_withdrawn(self, services, sagemaker, dropped, drop):
        train(services, sagemaker, dropped["job.toml"])
        data = [dropped[name] for name in NAMES if name != "job.toml"]
        for version in data:
            services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        forget_prepared(services)
        late = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, late)
        assert services.ledger.find_upload(late.id).reason == "data_archived"
        assert states(services, data) == {"VALIDATED"}

    def test_data_that_is_being_archived_is_not_withdrawn(self, services, sagemaker, dropped, drop, monkeypatch):
        """Between its copy and its record, the file is no longer in the landing bucket."""
        train(services, sagemaker, dropped["job.toml"])
        data = dropped["sequences.fasta"]

        def die(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr("seqdrop.stages.archive.archive.close_upload", die)
        with pytest.raises(KeyboardInterrupt):
            archive(services, data.id)
        monkeypatch.undo()
        forget_prepared(services)
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        assert services.ledger.find_upload(again.id).reason == "data_archived"
        archive(services, data.id)
        assert states(services, [data]) == {"ARCHIVED"}

    def test_data_deleted_after_a_failed_training_is_withdrawn(self, services, sagemaker, dropped, drop):
        fail(services, sagemaker, dropped["job.toml"])
        gone = dropped["sequences.fasta"]
        services.s3.delete_object(Bucket="landing", Key=gone.key, VersionId=gone.version_id)
        forget_prepared(services)
        again = drop("job.toml", reusing(dropped["job.toml"]))
        validate(services, again)
        assert (states(services, [gone]), states(services, [again])) == ({"WITHDRAWN"}, {"REJECTED"})
        assert services.ledger.find_upload(again.id).reason == "data_archived"


class TestReplay:
    @pytest.fixture
    def failed(self, services, sagemaker, dropped):
        fail(services, sagemaker, dropped["job.toml"])
        return services.ledger.find_upload(dropped["job.toml"].id)

    def test_a_replay_continues_from_the_last_checkpoints(self, services, sagemaker, dropped, failed, sent):
        sent.clear()
        plan = plan_replay(services, failed)
        assert "from the last checkpoint" in plan.summary
        assert replay(services, plan)
        first, second = services.ledger.attempts(failed.id)
        assert sent == [("training_queue", {"attempt": second.key})]
        start_training(services, second.key)
        before, after = (sagemaker.requests[job_name([item])] for item in (first, second))
        assert after["CheckpointConfig"] == before["CheckpointConfig"]
        assert after["TrainingJobName"] != before["TrainingJobName"]

    def test_the_data_belongs_to_the_next_attempt(self, services, sagemaker, dropped, failed):
        assert replay(services, plan_replay(services, failed))
        attempt = services.ledger.attempts(failed.id)[-1]
        for version in dropped.values():
            (deciding,) = services.ledger.deciding_attempts(services.ledger.find_upload(version.id))
            assert deciding.key == attempt.key

    def test_an_attempt_with_a_newer_job_toml_is_refused(self, services, dropped, failed, drop):
        later = replace(drop("job.toml", reusing(dropped["job.toml"])), sequencer="FF")
        validate(services, later)
        assert plan_replay(services, services.ledger.find_upload(failed.id)).refused

    def test_a_training_with_a_model_is_refused(self, services, sagemaker, dropped):
        train(services, sagemaker, dropped["job.toml"])
        head = services.ledger.find_upload(dropped["job.toml"].id)
        assert plan_replay(services, head).refused

    def test_a_training_whose_prefix_has_no_analysis_now_is_refused(self, services, failed):
        analyses = services.analyses
        by_name = {name: analysis for name, analysis in analyses.by_name.items() if name != "training"}
        later = replace(services, analyses=replace(analyses, by_name=by_name))
        assert "no analysis for its prefix" in plan_replay(later, failed).summary

    def test_a_training_with_expired_data_is_refused(self, services, failed, monkeypatch):
        monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=11))
        assert f'drop job.toml with the line reuse = "{failed.id}"' in plan_replay(services, failed).summary

    def test_all_its_files_may_be_released(self, services, dropped, failed, sent):
        for version in dropped.values():
            upload = services.ledger.find_upload(version.id)
            assert explain_refusal(services, upload) == ""
            sent.clear()
            assert release(services, upload)
            assert sent == [("archive_queue", {"upload": version.id})]
