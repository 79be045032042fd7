"""A transform job is estimated before it starts, measured when it completes, and stopped at its limit."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from seqdrop.aws import keys
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.models.archives import current_archive, push_archive
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.reconcile.overtime import stop_overtime
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.start_transform.start_transform import start_transform
from seqdrop.uploads import UploadVersion

from local.testing import make_model_archive
from tests.support.aws.sagemaker import NEVER

READS = packaged().by_name["reads"]


def with_rate(services, rate: float):
    """Return services whose analyses.toml gives this many windows per second for reads/."""
    reads = replace(READS, job=replace(READS.job, windows_per_second=rate))
    return replace(services, analyses=replace(services.analyses, by_name=services.analyses.by_name | {"reads": reads}))


@pytest.fixture
def services(services):
    labels = json.dumps({"id2label": {0: "not core promoter", 1: "core promoter"}})
    push_archive(services.s3, "models", "promoter-70", make_model_archive({"config.json": labels}), "now")
    return with_rate(services, 0.0)


@pytest.fixture
def plan(services):
    """Return a function that plans an attempt of a validated upload with this number of windows; it returns the key."""

    def make(name: str, windows: int) -> str:
        version = UploadVersion("landing", f"reads/{name}", "v", 1, "e")
        services.ledger.create(Upload.from_version(version, "reads"))
        attempt = Attempt(
            "PLANNED", upload_id=version.id, analysis="reads", shards=1, items=1, windows=windows, plan=READS.as_json()
        )
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", attempt)
        services.s3.put_object(Bucket="work", Key=keys.shard(version.id, "", attempt.key, 0), Body=b"")
        return attempt.key

    return make


def attempts(services, *names: str) -> list[Attempt]:
    return [services.ledger.find_attempt(name) for name in names]


class TestEstimate:
    def test_a_job_above_the_ceiling_is_refused_before_sagemaker_is_called(self, services, sagemaker, plan, sent):
        key = plan("a", 10_000_000)
        start_transform(with_rate(services, 2.9), [key])
        (attempt,) = attempts(services, key)
        assert (attempt.state, sagemaker.creations, services.ledger.job_slots().jobs) == ("FAILED", 0, ())
        assert "about 957.9 hours and $220.33" in attempt.reason
        (mail,) = (mail["Message"] for queue, mail in sent if queue == "topic")
        assert f"seqdrop replay {attempt.upload_id} --yes" in mail
        assert "TransformBudget" in mail

    def test_after_the_ceiling_was_raised_a_replay_starts_the_job(self, services, sagemaker, plan):
        slow = with_rate(services, 2.9)
        key = plan("a", 10_000_000)
        start_transform(slow, [key])
        raised = replace(slow, settings=replace(slow.settings, job_hours=1000, transform_budget=300.0))
        (attempt,) = attempts(services, key)
        assert services.ledger.create(attempt.next_attempt())
        start_transform(raised, [attempt.next_attempt().key])
        assert services.ledger.attempts(attempt.upload_id)[-1].state == "SUBMITTED"

    def test_uploads_that_are_too_many_for_one_job_get_several(self, services, sagemaker, plan):
        """Only a job of a single upload is refused; 8 hours each are within the 24."""
        names = [plan(name, 8_640_000) for name in "abcde"]
        start_transform(with_rate(services, 300), names)
        assert {attempt.state for attempt in attempts(services, *names)} == {"SUBMITTED"}
        jobs = [services.ledger.find_job(name) for name in sagemaker.jobs]
        assert sorted(len(job.members) for job in jobs) == [1, 2, 2]

    def test_the_others_of_a_group_are_not_refused_with_it(self, services, sagemaker, plan):
        names = [plan("a", 1000), plan("b", 10**9), plan("c", 1000)]
        start_transform(with_rate(services, 300), names)
        assert [attempt.state for attempt in attempts(services, *names)] == ["SUBMITTED", "FAILED", "SUBMITTED"]

    def test_more_jobs_than_free_slots_wait(self, services, sagemaker, plan):
        limited = with_rate(replace(services, settings=replace(services.settings, max_jobs=1)), 300)
        names = [plan(name, 20_000_000) for name in "abc"]
        start_transform(limited, names)
        assert sorted(attempt.state for attempt in attempts(services, *names)) == ["SUBMITTED", "WAITING", "WAITING"]
        assert len(sagemaker.jobs) == 1

    def test_without_a_rate_or_windows_there_is_no_estimate(self, services, sagemaker, plan):
        """An earlier version planned the second attempt, and did not count its windows."""
        start_transform(services, [plan("a", 10**12)])
        start_transform(with_rate(services, 0.001), [plan("b", 0)])
        assert len(sagemaker.jobs) == 2

    def test_an_instance_without_a_price_is_refused(self, services, sagemaker, plan):
        key = plan("a", 1)
        settings = replace(services.settings, instance_type="ml.m6i.32xlarge")
        start_transform(replace(services, settings=settings), [key])
        assert "set the stack parameter InstancePrice" in attempts(services, key)[0].reason
        other = plan("b", 1)
        start_transform(replace(services, settings=replace(settings, instance_price=7.4)), [other])
        assert attempts(services, other)[0].state == "SUBMITTED"


def complete(services, sagemaker, hours: float) -> None:
    """Let the last job complete after some hours, and resolve it."""
    name = list(sagemaker.jobs)[-1]
    job = sagemaker.jobs[name]
    sagemaker.end(name, "Completed", TransformEndTime=job.created + timedelta(hours=hours))
    for key in services.ledger.find_job(name).members:
        attempt = services.ledger.find_attempt(key)
        windows = [{"start": 0, "end": 70, "strand": "+", "probability": 0.5}]
        line = json.dumps({"id": "1", "record": "r", "windows": windows}).encode()
        output = keys.job_output(name) + keys.shard_name(attempt.key, 0) + ".out"
        services.s3.put_object(Bucket="work", Key=output, Body=line)
    finish(services, name)


class TestSpeed:
    def speed(self, services):
        digest = current_archive(services.s3, "models", "promoter-70").digest
        return services.ledger.speed("reads", digest, "ml.m5.xlarge")

    def test_a_completed_job_measures_the_rate_for_the_next_estimate(self, services, sagemaker, plan):
        start_transform(services, [plan("a", 36_000)])
        complete(services, sagemaker, 10)
        assert (self.speed(services).rate, self.speed(services).job) == (1.0, next(iter(sagemaker.jobs)))
        key = plan("b", 100_000)
        start_transform(with_rate(services, 10**6), [key])
        assert "at 1 a second" in attempts(services, key)[0].reason
        assert len(sagemaker.jobs) == 1

    def test_the_last_job_counts(self, services, sagemaker, plan):
        for name, hours in (("a", 10), ("b", 5)):
            start_transform(services, [plan(name, 36_000)])
            complete(services, sagemaker, hours)
        assert self.speed(services).rate == 2.0

    def test_a_short_job_measures_only_its_start(self, services, sagemaker, plan):
        start_transform(services, [plan("a", 3)])
        complete(services, sagemaker, 0.1)
        assert self.speed(services).revision == 0

    def test_another_archive_has_a_rate_of_its_own(self, services, sagemaker, plan):
        start_transform(services, [plan("a", 36_000)])
        complete(services, sagemaker, 10)
        labels = json.dumps({"id2label": {0: "not core promoter", 1: "core promoter"}, "other": 1})
        push_archive(services.s3, "models", "promoter-70", make_model_archive({"config.json": labels}), "later")
        assert self.speed(services).rate == 0


@pytest.fixture
def running(services, sagemaker, plan, clock) -> str:
    """Start a job that never ends, and return its name."""
    sagemaker.endings = {0: NEVER}
    start_transform(services, [plan("a", 1)])
    return next(iter(sagemaker.jobs))


class TestStop:
    def test_a_job_is_stopped_after_job_hours_and_its_members_fail_with_the_reason(
        self, services, sagemaker, running, clock, sent
    ):
        sagemaker.jobs[running].created = clock.now
        clock.pass_minutes(24 * 60 - 1)
        assert reconcile(services)["stopped_jobs"] == 0
        clock.pass_minutes(1)
        assert reconcile(services)["stopped_jobs"] == 1
        assert sagemaker.jobs[running].status == "Stopping"
        assert reconcile(services)["stopped_jobs"] == 0
        sagemaker.end(running, "Stopped")
        finish(services, running)
        job = services.ledger.find_job(running)
        (attempt,) = attempts(services, *job.members)
        assert (job.state, attempt.state, attempt.lost) == ("STOPPED", "FAILED", 0)
        assert "it had run for 24 hours (stack parameter JobHours)" in attempt.reason
        assert len(services.ledger.attempts(attempt.upload_id)) == 1, "it is not tried again by itself"
        (mail,) = (mail["Message"] for queue, mail in sent if queue == "topic")
        assert "JobHours" in mail
        assert "seqdrop replay" in mail

    def test_a_dear_job_is_stopped_when_it_has_cost_the_budget(self, services, sagemaker, running, clock):
        sagemaker.jobs[running].created = clock.now
        dear = replace(services, settings=replace(services.settings, instance_price=25.0))
        clock.pass_minutes(119)
        assert stop_overtime(dear) == 0
        clock.pass_minutes(1)
        assert stop_overtime(dear) == 1
        assert "$50 (stack parameter TransformBudget" in services.ledger.find_job(running).stop_reason

    def test_the_time_in_which_a_job_waits_for_its_instances_does_not_count(self, services, sagemaker, running, clock):
        clock.pass_minutes(25 * 60)
        sagemaker.jobs[running].extra = {"TransformStartTime": clock.now}
        assert stop_overtime(services) == 0

    def test_a_job_that_ends_at_the_same_moment_keeps_its_end(self, services, sagemaker, running, clock):
        """SageMaker refuses the stop, and the end counts; only the ledger holds the reason that had no effect."""
        sagemaker.jobs[running].created = clock.now
        clock.pass_minutes(25 * 60)

        stop = services.sagemaker.stop_transform_job

        def end_first(**request):
            sagemaker.end(running, "Completed")
            return stop(**request)

        services.sagemaker.stop_transform_job = end_first
        assert stop_overtime(services) == 0
        complete(services, sagemaker, 25)
        job = services.ledger.find_job(running)
        assert (job.state, job.reason) == ("DONE", "")

    def test_a_crash_before_the_stop_is_made_good_by_the_next_run(self, services, sagemaker, running, clock):
        sagemaker.jobs[running].created = clock.now
        clock.pass_minutes(25 * 60)

        def die(**_):
            raise KeyboardInterrupt

        services.sagemaker.stop_transform_job = die
        with pytest.raises(KeyboardInterrupt):
            stop_overtime(services)
        del services.sagemaker.stop_transform_job
        before = services.ledger.find_job(running)
        assert before.stop_reason
        assert stop_overtime(services) == 1
        assert services.ledger.find_job(running) == before, "the reason is written once"

    def test_a_job_that_a_person_stopped_says_so(self, services, sagemaker, running):
        sagemaker.end(running, "Stopped")
        finish(services, running)
        assert services.ledger.find_job(running).reason == "the job ended as STOPPED"

    def test_an_error_of_one_job_does_not_protect_the_others(self, services, sagemaker, running, plan, clock):
        sagemaker.endings[1] = NEVER
        start_transform(services, [plan("b", 1)])
        first, second = list(sagemaker.jobs)
        del sagemaker.jobs[first]
        clock.pass_minutes(25 * 60)
        sagemaker.jobs[second].created = clock.now - timedelta(hours=25)
        assert stop_overtime(services) == 1
