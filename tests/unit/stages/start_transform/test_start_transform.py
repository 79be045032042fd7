"""Jobs are started at most once, for all deliveries, groupings and crashes."""

import json
from dataclasses import replace

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.models.archives import current_archive, push_archive
from seqdrop.stages.backoff import compute_wait
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.start_transform.start_transform import start_transform
from seqdrop.uploads import UploadVersion

from local.testing import make_model_archive
from tests.support.aws.errors import RefusedError
from tests.support.aws.sagemaker import TRANSFORM, model_data


class Died(BaseException):
    """A crash of the function."""


def archive_of(*labels: str) -> bytes:
    """Return a model archive; only the names of its classes matter here."""
    return make_model_archive({"config.json": json.dumps({"id2label": dict(enumerate(labels))})})


@pytest.fixture
def services(services):
    for analysis in packaged().by_name.values():
        if analysis.kind.names_classes:  # embeddings share the model of another analysis
            model, label = analysis.settings.model, analysis.settings.label
            push_archive(services.s3, "models", model, archive_of("not " + label, label), "now")
    return services


@pytest.fixture
def planned(services):
    """Return a function that creates a validated upload with a planned attempt and returns the attempt's key."""

    def make(name: str, analysis: str = "reads") -> str:
        version = UploadVersion("landing", f"{analysis}/{name}", "v", 1, "e")
        services.ledger.create(Upload.from_version(version, analysis))
        plan = packaged().by_name[analysis].as_json()
        attempt = Attempt("PLANNED", upload_id=version.id, analysis=analysis, shards=1, items=1, plan=plan)
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", attempt)
        return attempt.key

    return make


def test_uploads_of_one_analysis_share_a_job(services, sagemaker, planned):
    reads, contigs = [planned("a"), planned("b")], planned("c", "contigs")
    start_transform(services, [*reads, contigs])
    assert len(sagemaker.jobs) == 2
    for key in reads:
        assert services.ledger.find_attempt(key).state == "SUBMITTED"
    job = services.ledger.find_job(services.ledger.find_attempt(reads[0]).job)
    assert (job.state, sorted(job.members)) == ("STARTED", sorted(reads))
    listed = json.loads(services.s3.get_object(Bucket="work", Key=f"jobs/{job.name}/input.manifest")["Body"].read())
    assert len(listed) == 3


def test_a_second_delivery_in_another_grouping_starts_nothing(services, sagemaker, planned):
    a, b, c = planned("a"), planned("b"), planned("c")
    start_transform(services, [a, b])
    start_transform(services, [b, c])
    start_transform(services, [a, b, c])
    assert len(sagemaker.jobs) == 2
    assert sum(len(services.ledger.find_job(name).members) for name in sagemaker.jobs) == 3


@pytest.mark.parametrize("where", ["before the call", "after the call"])
def test_after_a_crash_at_the_call_the_next_delivery_starts_the_job(services, sagemaker, planned, where):
    key = planned("a")
    sagemaker.accidents = [(Died(), None) if where == "before the call" else (None, Died())]
    with pytest.raises(Died):
        start_transform(services, [key])
    start_transform(services, [key])
    assert len(sagemaker.jobs) == 1
    assert services.ledger.find_job(services.ledger.find_attempt(key).job).state == "STARTED"


@pytest.mark.parametrize("code", ["ResourceLimitExceeded", "ThrottlingException"])
def test_without_capacity_the_job_stays_planned_for_the_reconciler(services, sagemaker, planned, code, clock):
    key = planned("a")
    sagemaker.accidents = [(RefusedError(code), None)]
    start_transform(services, [key])
    job = services.ledger.find_attempt(key).job
    assert (services.ledger.find_job(job).state, services.ledger.find_job(job).waits, sagemaker.jobs) == (
        "PLANNED",
        1,
        {},
    )
    start_transform(services, [key])
    assert sagemaker.jobs == {}, "it is not due yet"
    clock.pass_minutes(2)
    start_transform(services, [key])
    assert (services.ledger.find_job(job).state, list(sagemaker.jobs)) == ("STARTED", [job])


def test_a_different_job_of_the_name_is_an_error_with_a_mail(services, sagemaker, planned, sent):
    key = planned("a")
    sagemaker.accidents = [(Died(), None)]
    with pytest.raises(Died):
        start_transform(services, [key])
    job = services.ledger.find_job(services.ledger.find_attempt(key).job)
    sagemaker.put(TRANSFORM, **json.loads(job.request) | {"ModelName": "somebody-elses"})
    start_transform(services, [key])
    assert services.ledger.find_attempt(key).state == "FAILED"
    assert services.ledger.find_job(job.name).state == "FAILED"
    assert "another ModelName" in sent[-1][1]["Message"]


def test_without_a_model_the_attempt_fails_and_says_what_to_do(services, planned, sent):
    services.s3.delete_object(Bucket="models", Key="models/promoter-70/current.json")
    key = planned("a")
    start_transform(services, [key])
    assert services.ledger.find_attempt(key).state == "FAILED"
    assert "seqdrop models push promoter-70" in sent[-1][1]["Message"]


def test_the_model_is_pinned_to_the_object_that_was_checked(services, sagemaker, planned):
    start_transform(services, [planned("a")])
    (model,) = sagemaker.models.values()
    url, etag = model_data(model)
    head = services.s3.head_object(Bucket="models", Key=url.removeprefix("s3://models/"))
    assert etag == head["ETag"].strip('"')


def test_a_replaced_archive_is_not_used(services, sagemaker, planned, sent):
    key = current_archive(services.s3, "models", "promoter-70").key
    services.s3.put_object(Bucket="models", Key=key, Body=archive_of("not core promoter", "core promoter", "planted"))
    attempt = planned("a")
    start_transform(services, [attempt])
    assert (services.ledger.find_attempt(attempt).state, sagemaker.jobs) == ("FAILED", {})
    assert "does not have the SHA-256 of its pointer" in sent[-1][1]["Message"]


def test_an_archive_that_is_replaced_between_plan_and_start_is_not_used(services, sagemaker, planned):
    """SageMaker compares the ETag of the request with that of the object."""
    attempt = planned("a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqdrop.stages.start_transform.start_transform.launch", lambda *_: None)
        start_transform(services, [attempt])
    job = services.ledger.find_job(services.ledger.find_attempt(attempt).job)
    services.s3.put_object(Bucket="models", Key=job.model_key, Body=b"planted")
    start_transform(services, [], [job.name])
    assert (services.ledger.find_attempt(attempt).state, sagemaker.jobs) == ("FAILED", {})


def test_a_model_that_is_not_copied_yet_lets_the_attempt_wait(services, sagemaker, planned, sent):
    """After an upgrade: the attempt is started by the run of the reconciler after the copy."""
    s3, key = services.s3, "models/promoter-70/current.json"
    archive = current_archive(s3, "models", "promoter-70").key
    for name in (archive, key):
        s3.put_object(Bucket="results", Key=name, Body=s3.get_object(Bucket="models", Key=name)["Body"].read())
        s3.delete_object(Bucket="models", Key=name)
    attempt = planned("a")
    assert start_transform(services, [attempt]) == set()
    assert (services.ledger.find_attempt(attempt).state, sagemaker.jobs, sent) == ("WAITING", {}, [])
    reconcile(services)
    start_transform(services, [])
    assert services.ledger.find_attempt(attempt).state == "SUBMITTED"


@pytest.mark.parametrize(
    ("labels", "reported"),
    [
        (("core promoter", "not core promoter"), "positive class of model 'promoter-70' is 'not core promoter'"),
        (("not promoter", "promoter"), "analyses.toml calls it 'core promoter'"),
        (("LABEL_0", "LABEL_1"), "models push promoter-70 FOLDER --labels NEGATIVE POSITIVE"),
    ],
)
def test_a_model_without_the_label_is_refused(services, sagemaker, planned, sent, labels, reported):
    push_archive(services.s3, "models", "promoter-70", archive_of(*labels), "later")
    key = planned("a")
    assert start_transform(services, [key]) == set()
    attempt = services.ledger.find_attempt(key)
    assert (attempt.state, sagemaker.jobs) == ("FAILED", {})
    assert reported in attempt.reason
    assert [queue for queue, _ in sent] == ["topic"]


def test_a_claim_lost_to_another_invocation_is_tried_again(services, planned, monkeypatch):
    key = planned("a")
    monkeypatch.setattr(type(services.ledger), "claim", lambda self, job, members: False)
    assert start_transform(services, [key]) == {key}


def test_an_unknown_attempt_is_ignored(services, sagemaker):
    start_transform(services, ["ABCDEFGHIJKLMNOPQRSTUVWX27-reads-1"])
    assert sagemaker.jobs == {}


def test_an_error_of_one_group_does_not_affect_another(services, sagemaker, planned):
    good, bad = planned("a", "contigs"), planned("b", "reads")
    sagemaker.accidents = [(None, None), (RefusedError("InternalFailure"), None)]
    assert start_transform(services, [good, bad]) == {bad}
    assert len(sagemaker.jobs) == 1
    assert start_transform(services, [good, bad]) == set()
    assert len(sagemaker.jobs) == 2


def test_after_a_crash_in_a_refusal_the_next_delivery_completes_it(services, sagemaker, planned, sent):
    """The function crashes at the mail about each member of a refused job in turn."""
    keys = sorted([planned("a"), planned("b"), planned("c")])
    sagemaker.accidents = [(RefusedError("ValidationException"), None)] * 4
    original = services.sns.publish
    for _ in range(2):
        died = iter([None, Died()])

        def publish(died=died, **mail):
            if (last := next(died, Died())) is not None:
                raise last
            original(**mail)

        services.sns.publish = publish
        with pytest.raises(Died):
            start_transform(services, keys)
    services.sns.publish = original
    start_transform(services, [], [services.ledger.find_attempt(keys[0]).job])
    assert {services.ledger.find_attempt(key).state for key in keys} == {"FAILED"}
    assert services.ledger.find_job(services.ledger.find_attempt(keys[0]).job).state == "FAILED"
    assert len(sent) == 3, "one mail about each member"


def test_a_deployment_does_not_change_work_in_progress(services, sagemaker, planned):
    """The job uses the windows of its shards; work items with other windows go into a separate job."""
    before = planned("a")
    changed = packaged().by_name["reads"]
    changed = replace(changed, settings=replace(changed.settings, stride=10))
    version = UploadVersion("landing", "reads/later", "v", 1, "e")
    services.ledger.create(Upload.from_version(version, "reads"))
    attempt = Attempt("PLANNED", upload_id=version.id, analysis="reads", shards=1, items=1, plan=changed.as_json())
    services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", attempt)
    start_transform(services, [before, attempt.key])
    strides = {name: request["Environment"]["SEQDROP_STRIDE"] for name, request in sagemaker.requests.items()}
    assert strides == {
        services.ledger.find_attempt(before).job: "70",
        services.ledger.find_attempt(attempt.key).job: "10",
    }


class TestNetworkIsolation:
    """Versions up to 0.2.0 recorded models with a network, which IAM refuses now."""

    @pytest.fixture
    def recorded(self, services, sagemaker, planned):
        """The record of a job of an earlier version, which a crash left PLANNED."""
        key = planned("a")
        sagemaker.accidents = [(Died(), None)]
        with pytest.raises(Died):
            start_transform(services, [key])
        job = services.ledger.find_job(services.ledger.find_attempt(key).job)
        model = json.loads(job.model_request) | {"ModelName": "seqdrop-promoter-earlier"}
        assert model.pop("EnableNetworkIsolation") is True
        request = json.loads(job.request) | {"ModelName": model["ModelName"]}
        services.ledger.note(job, request=json.dumps(request), model_request=json.dumps(model))
        sagemaker.models.clear()
        return services.ledger.find_job(job.name)

    def test_a_model_is_isolated(self, services, sagemaker, planned):
        start_transform(services, [planned("a")])
        (model,) = sagemaker.models.values()
        assert model["EnableNetworkIsolation"] is True

    def test_a_job_of_an_earlier_version_gets_an_isolated_model(self, services, sagemaker, recorded):
        start_transform(services, recorded.members)
        ((name, model),) = sagemaker.models.items()
        assert model["EnableNetworkIsolation"] is True
        assert name != "seqdrop-promoter-earlier"
        assert sagemaker.requests[recorded.name] == json.loads(recorded.request) | {"ModelName": name}
        job = services.ledger.find_job(recorded.name)
        assert (job.state, json.loads(job.model_request)) == ("STARTED", model)

    def test_a_job_that_runs_already_is_adopted_with_its_model(self, services, sagemaker, recorded):
        sagemaker.put(TRANSFORM, **json.loads(recorded.request))
        start_transform(services, recorded.members)
        assert services.ledger.find_job(recorded.name).state == "STARTED"
        assert (sagemaker.models, list(sagemaker.jobs)) == ({}, [recorded.name])


class TestJobSlots:
    """The number of open jobs is limited; attempts without a slot wait in the ledger, and runs take turns."""

    @pytest.fixture
    def services(self, services):
        return replace(services, settings=replace(services.settings, max_jobs=2))

    def of_run(self, services, planned, run: str, count: int, analysis: str = "reads") -> list[str]:
        keys = [planned(f"{run}/{number}", analysis) for number in range(count)]
        for key in keys:
            services.ledger.note(services.ledger.find_attempt(key), run=run)
        return keys

    def states(self, services, keys):
        return [services.ledger.find_attempt(key).state for key in keys]

    def test_attempts_without_a_free_slot_wait(self, services, sagemaker, planned):
        keys = [planned("a"), planned("b", "contigs"), planned("c", "embed")]
        assert start_transform(services, keys) == set()
        assert sorted(self.states(services, keys)) == ["SUBMITTED", "SUBMITTED", "WAITING"]
        assert len(services.ledger.job_slots().jobs) == len(sagemaker.jobs) == 2
        assert start_transform(services, keys) == set()
        assert len(sagemaker.jobs) == 2

    def test_a_slot_is_freed_at_the_end_of_a_job_and_taken_by_a_waiting_attempt(self, services, sagemaker, planned):
        keys = [planned("a"), planned("b", "contigs"), planned("c", "embed")]
        start_transform(services, keys)
        first = services.ledger.find_job(next(iter(sagemaker.jobs)))
        close_job(services, first.name, "DONE")
        assert services.ledger.job_slots().jobs == tuple(list(sagemaker.jobs)[1:])
        start_transform(services, [])
        assert self.states(services, keys) == ["SUBMITTED"] * 3
        assert len(sagemaker.jobs) == 3
        close_job(services, first.name, "DONE")
        assert len(services.ledger.job_slots().jobs) == 2, "a slot is given back once"

    def test_runs_take_turns(self, services, sagemaker, planned):
        long = self.of_run(services, planned, "long", 120)
        short = self.of_run(services, planned, "short", 3)
        start_transform(services, [*long, *short])
        assert self.states(services, short) == ["SUBMITTED"] * 3
        assert self.states(services, long).count("WAITING") == 23

    def test_a_large_batch_makes_jobs_up_to_their_limits(self, services, sagemaker, planned):
        keys = [planned(str(number)) for number in range(3)]
        services.ledger.note(services.ledger.find_attempt(keys[0]), shards=499)
        start_transform(services, keys)
        sizes = sorted(len(services.ledger.find_job(name).members) for name in sagemaker.jobs)
        assert sizes == [1, 2]

    def test_two_simultaneous_invocations_never_open_too_many_jobs(self, services, sagemaker, planned, monkeypatch):
        keys = [planned("a"), planned("b", "contigs"), planned("c", "embed"), planned("d")]
        services.ledger.note(services.ledger.find_attempt(keys[3]), group="job/1")
        real, others = services.ledger.claim, [keys[2], keys[3]]

        def claim(job, members, slots):
            if others:  # while this job was planned, another invocation was first
                start_transform(services, [others.pop(), others.pop()])
            return real(job, members, slots)

        monkeypatch.setattr(services.ledger, "claim", claim)
        start_transform(services, keys[:2])
        assert len(sagemaker.jobs) == len(services.ledger.job_slots().jobs) == 2
        assert sorted(self.states(services, keys)) == ["SUBMITTED", "SUBMITTED", "WAITING", "WAITING"]

    def test_attempts_of_a_failed_job_are_kept_apart(self, services, sagemaker, planned):
        keys = [planned("a"), planned("b"), planned("c")]
        services.ledger.note(services.ledger.find_attempt(keys[0]), group="job/1")
        start_transform(services, keys)
        sizes = sorted(len(services.ledger.find_job(name).members) for name in sagemaker.jobs)
        assert sizes == [1, 2]


def test_jobs_that_were_refused_together_are_not_due_together():
    waits = {compute_wait(f"job-{number}", 1) for number in range(50)}
    assert len(waits) > 40
    assert all(0.5 <= minutes <= 1.5 for minutes in waits)
    assert all(compute_wait("x", waits) <= 90 for waits in range(1, 100))


def test_an_attempt_that_cannot_be_read_does_not_affect_the_others(services, sagemaker, planned, monkeypatch):
    bad, good = planned("a"), planned("b")
    find = type(services.ledger).find_attempt

    def refuse(ledger, key):
        if key == bad:
            raise RefusedError("ThrottlingException")
        return find(ledger, key)

    with monkeypatch.context() as patch:
        patch.setattr(type(services.ledger), "find_attempt", refuse)
        assert start_transform(services, [bad, good]) == {bad}
    assert services.ledger.find_attempt(good).state == "SUBMITTED"


@pytest.mark.parametrize("waits", [False, True])
def test_an_attempt_with_an_unreadable_plan_does_not_affect_the_others(services, sagemaker, planned, waits):
    bad, good = planned("a"), planned("b")
    services.ledger.note(services.ledger.find_attempt(bad), plan="{")
    if waits:
        services.ledger.move(services.ledger.find_attempt(bad), "WAITING")
    assert bad in start_transform(services, [bad, good])
    assert services.ledger.find_attempt(good).state == "SUBMITTED"
