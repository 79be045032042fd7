"""Small uploads of an asynchronous analysis go to its endpoint, exactly once, with the files that a job would write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from seqdrop.errors import RetryableError
from seqdrop.runtime.events import make_inference_message, parse_inference_result
from seqdrop.sagemaker.async_requests import Order

from tests.support.aws.runtime import EXPIRES, FAILS, HANGS
from tests.unit.stages.asynchronous.conftest import ENDPOINT, SETTINGS, TEXT
from tests.unit.stages.serve.conftest import ANALYSIS

BATCH = ANALYSIS.format(name="contigs", model="promoter-300")


class Died(BaseException):
    """A crash of the function."""


def test_a_small_upload_is_predicted_by_the_endpoint(stack):
    key = stack.drop(sizes=(2, 1))
    assert stack.start(key) == set()
    job = stack.job(key)
    assert (job.task, job.state, job.members, stack.sagemaker.jobs) == ("async", "STARTED", [key], {})
    assert len(job.outputs) == len(job.failures) == 2
    stack.wait()
    stack.deliver()
    assert stack.attempts(key) == [(1, "PREDICTED")]
    assert stack.job(key).state == "DONE"
    assert set(stack.drain()) == {key.split("-")[0]}
    computed = stack.summary(key)["computed"]
    assert (computed["way"], computed["name"], computed["instances"]) == ("asynchronous endpoint", ENDPOINT, 1)
    assert computed["usd"] == pytest.approx(0.23 * computed["seconds"] / 3600, abs=1e-6)


def test_the_files_are_those_of_a_transform_job(stack):
    """All bytes are the same but the ids of the upload and of the job, and the way."""
    key, other = stack.drop("a", (2, 1)), stack.drop("b", (2, 1))
    stack.start(key)
    stack.wait()
    stack.deliver()
    stack.deploy(BATCH)
    stack.start(other)
    stack.wait()
    stack.drain()
    names = {**stack.results(key)}
    assert names.keys() == stack.results(other).keys() > {"predictions.jsonl", "calls.bed", "summary.json"}
    for name, body in names.items():
        expected = stack.results(other)[name]
        if name == "summary.json":
            assert ways(body) == ("asynchronous endpoint", ENDPOINT)
            assert ways(expected) == ("transform job", stack.job(other).name)
        if not name.endswith((".bw", ".parquet")):
            assert neutral(stack, key, body) == neutral(stack, other, expected), name


def ways(summary: bytes) -> tuple[str, str]:
    computed = json.loads(summary)["computed"]
    return computed["way"], computed["name"]


def neutral(stack, key: str, body: bytes) -> str:
    """Return the text of a file without what differs between two uploads and two ways."""
    text, upload = body.decode(), stack.services.ledger.require_upload(key.split("-")[0])
    if text.startswith("{\n"):
        text = json.dumps(json.loads(text) | {"computed": None})
    for name in (stack.job(key).name, upload.id, upload.key):
        text = text.replace(name, "")
    return text


def test_messages_that_come_twice_or_late_change_nothing(stack):
    key = stack.drop(sizes=(1, 1))
    stack.start(key)
    stack.wait()
    messages = list(stack.messages)
    stack.deliver(messages[0], messages[0], messages[1], messages[0], messages[1])
    before = stack.results(key)
    stack.wait(60 * 24)
    stack.deliver(*messages)
    assert stack.attempts(key) == [(1, "PREDICTED")]
    assert stack.results(key) == before


def test_one_of_two_results_is_not_enough(stack):
    key = stack.drop(sizes=(1, 1))
    stack.runtime.endings = {1: HANGS}
    stack.start(key)
    stack.wait()
    stack.deliver()
    assert stack.attempts(key) == [(1, "SUBMITTED")]
    assert stack.results(key) == {}


def test_without_messages_the_reconciler_sees_the_outputs(stack):
    key = stack.drop()
    stack.start(key)
    stack.wait()
    stack.messages.clear()
    stack.reconcile()
    assert set(stack.drain()) == {key.split("-")[0]}
    assert stack.attempts(key) == [(1, "PREDICTED")]


def test_the_reconciler_waits_while_requests_are_in_progress(stack):
    key = stack.drop()
    stack.runtime.endings = {0: HANGS}
    stack.start(key)
    stack.reconcile()
    assert stack.account.sent == []
    assert stack.attempts(key) == [(1, "SUBMITTED")]


@pytest.mark.parametrize("ending", [FAILS, EXPIRES])
def test_a_request_that_fails_or_expires_is_left_to_a_transform_job(stack, ending):
    key = stack.drop(sizes=(1, 1))
    stack.runtime.endings = {1: ending}
    stack.start(key)
    stack.wait()
    stack.deliver()
    assert stack.attempts(key) == [(1, "FAILED"), (2, "PLANNED")]
    assert stack.job(key).state == "FAILED"
    stack.drain()
    stack.wait()
    stack.drain()
    assert stack.attempts(key) == [(1, "FAILED"), (2, "PREDICTED")]
    assert stack.summary(key, 2)["computed"]["way"] == "transform job"
    assert not stack.mails


@pytest.mark.parametrize("ending", [FAILS, HANGS, EXPIRES])
def test_without_messages_the_reconciler_ends_what_has_failed(stack, ending):
    key = stack.drop()
    stack.runtime.endings = {0: ending}
    stack.start(key)
    stack.wait()
    stack.messages.clear()
    for _ in range(4):
        stack.reconcile(60)
    stack.drain()
    stack.wait()
    stack.drain()
    assert stack.attempts(key) == [(1, "FAILED"), (2, "PREDICTED")]


@pytest.mark.parametrize("again", [False, True])
def test_an_endpoint_that_was_deleted_under_way_is_noticed(stack, again):
    key = stack.drop()
    stack.start(key)
    endpoint = stack.sagemaker.endpoints.pop(ENDPOINT)
    if again:
        stack.clock.advance(1)
        stack.sagemaker.endpoints[ENDPOINT] = replace(endpoint, created=stack.clock.now)
    stack.reconcile()
    stack.drain()
    assert "deleted" in stack.services.ledger.require_attempt(key).reason
    stack.wait()
    stack.drain()
    assert stack.attempts(key) == [(1, "FAILED"), (2, "PREDICTED")]


def test_a_failed_upload_is_not_sent_to_the_endpoint_again(stack):
    key = stack.drop()
    stack.runtime.endings = {0: FAILS}
    stack.start(key)
    stack.wait()
    stack.deliver()
    stack.drain()
    assert len(stack.runtime.requests) == 1
    assert len(stack.sagemaker.jobs) == 1


class TestChoice:
    """Attempts that get a transform job from the beginning."""

    @pytest.fixture(autouse=True)
    def check(self, stack):
        yield
        assert stack.runtime.requests == []
        assert len(stack.sagemaker.jobs) == 1

    def test_too_many_work_items(self, stack):
        body = b"x" * 900_000
        key = stack.drop(sizes=(1, 1, 1))
        for number in range(3):
            name = f"shards/{key.split('-')[0]}/{key}-{number:05d}.jsonl"
            stack.services.s3.put_object(Bucket="work", Key=name, Body=body)
        stack.start(key)

    def test_a_shard_that_is_larger_than_a_request(self, stack):
        key = stack.drop()
        name = f"shards/{key.split('-')[0]}/{key}-00000.jsonl"
        stack.services.s3.put_object(Bucket="work", Key=name, Body=b"x" * 1_100_000)
        stack.start(key)

    def test_no_endpoint(self, stack):
        del stack.sagemaker.endpoints[ENDPOINT]
        stack.start(stack.drop())

    @pytest.mark.parametrize("status", ["Creating", "Failed", "Deleting", "RollingBack", "OutOfService"])
    def test_an_endpoint_that_is_not_in_service(self, stack, status):
        stack.sagemaker.endpoints[ENDPOINT].status = status
        stack.start(stack.drop())

    def test_an_endpoint_with_an_earlier_model(self, stack):
        stack.push("second")
        stack.start(stack.drop())

    def test_an_endpoint_with_other_settings(self, stack):
        stack.deploy(TEXT.replace("stride = 150", "stride = 75"))
        stack.start(stack.drop())

    def test_a_stack_without_endpoints(self, stack):
        settings = replace(stack.services.settings, endpoints="false")
        stack.services = replace(stack.services, settings=settings)
        stack.start(stack.drop())

    def test_an_analysis_that_is_not_asynchronous(self, stack):
        stack.deploy(BATCH)
        stack.start(stack.drop())


def test_a_full_endpoint_gets_no_more(stack, monkeypatch):
    monkeypatch.setattr("seqdrop.stages.start_transform.asynchronous.MOST_QUEUED", 1)
    keys = [stack.drop(name) for name in "abc"]
    stack.start(*keys)
    tasks = sorted(stack.job(key).task for key in keys)
    assert tasks == ["async", "async", "transform"], "two instances may have a request each"


def test_an_endpoint_that_only_scales_gets_requests(stack):
    stack.sagemaker.endpoints[ENDPOINT].status = "Updating"
    key = stack.drop()
    stack.start(key)
    assert stack.job(key).task == "async"


def test_an_endpoint_that_gets_another_model_is_not_used(stack):
    stack.push("second")
    stack.run()
    stack.push("first")
    assert stack.sagemaker.endpoints[ENDPOINT].wanted, "the update to the second model is in progress"
    key = stack.drop()
    stack.start(key)
    assert stack.job(key).task == "transform"


class TestModelThatChanges:
    """Predictions count only if the recorded model certainly made them."""

    @pytest.fixture
    def sent(self, stack) -> str:
        key = stack.drop()
        stack.start(key)
        return key

    def test_a_promoted_model(self, stack, sent):
        stack.push("second")

    def test_a_model_that_was_promoted_and_taken_back(self, stack, sent):
        stack.push("second")
        stack.push("first")

    def test_other_settings(self, stack, sent):
        stack.deploy(TEXT.replace("stride = 150", "stride = 75"))

    def test_a_removed_analysis(self, stack, sent):
        stack.deploy(ANALYSIS.format(name="others", model="promoter-300") + SETTINGS)

    @pytest.fixture(autouse=True)
    def check(self, stack, sent):
        yield
        stack.wait()
        stack.deliver()
        assert stack.attempts(sent) == [(1, "FAILED"), (2, "PLANNED")]
        assert "changed" in stack.services.ledger.require_attempt(sent).reason
        assert stack.results(sent) == {}


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable", "InternalFailure"])
def test_a_busy_endpoint_is_tried_again_and_then_given_up(stack, code):
    key = stack.drop()
    stack.runtime.refusals = [code] * 4
    stack.start(key)
    for _ in range(3):
        assert stack.job(key).state == "PLANNED"
        stack.clock.advance(600)
        stack.start(key)
    assert stack.attempts(key) == [(1, "FAILED"), (2, "PLANNED")]
    assert stack.account.sent[-1] == ("transform_queue", {"attempt": key[:-1] + "2"})


def test_an_endpoint_that_is_deleted_before_the_request(stack):
    key = stack.drop()
    stack.runtime.refusals = ["ValidationError"]
    stack.start(key)
    assert stack.attempts(key) == [(1, "FAILED"), (2, "PLANNED")]


class TestCrashes:
    """The record is written before the first request, and every step may be repeated."""

    def test_after_a_crash_between_requests_they_are_sent_again(self, stack, monkeypatch):
        key = stack.drop(sizes=(1, 1))
        real, calls = stack.runtime.invoke_endpoint_async, []

        def invoke(request, headers):
            calls.append(request)
            if len(calls) == 2:
                raise Died
            return real(request, headers)

        monkeypatch.setattr(stack.runtime, "invoke_endpoint_async", invoke)
        with pytest.raises(Died):
            stack.start(key)
        stack.start(key)
        stack.wait()
        stack.deliver()
        assert stack.attempts(key) == [(1, "PREDICTED")]
        assert len({request["InferenceId"] for request in calls}) == 2

    def test_results_that_come_before_the_start_is_recorded(self, stack, monkeypatch):
        key = stack.drop()
        with monkeypatch.context() as patched:
            patched.setattr(
                stack.runtime, "invoke_endpoint_async", self._die_after(stack.runtime.invoke_endpoint_async)
            )
            with pytest.raises(Died):
                stack.start(key)
        stack.wait()
        stack.deliver()
        assert stack.attempts(key) == [(1, "PREDICTED")]
        assert stack.job(key).state == "DONE"
        stack.start(key)
        assert len(stack.runtime.requests) == 1

    @staticmethod
    def _die_after(real):
        def invoke(request, headers):
            real(request, headers)
            raise Died

        return invoke

    def test_after_a_crash_before_the_job_is_closed_it_is_closed(self, stack, monkeypatch):
        key = stack.drop()
        stack.start(key)
        stack.wait()
        with monkeypatch.context() as patched:
            patched.setattr("seqdrop.stages.finish.asynchronous.close_job", self._die)
            with pytest.raises(Died):
                stack.deliver(*stack.messages)
        assert (stack.attempts(key), stack.job(key).state) == ([(1, "PREDICTED")], "STARTED")
        stack.deliver()
        assert stack.job(key).state == "DONE"

    def test_after_a_crash_on_the_way_back_the_transform_job_starts(self, stack, monkeypatch):
        key = stack.drop()
        stack.runtime.endings = {0: FAILS}
        stack.start(key)
        stack.wait()
        with monkeypatch.context() as patched:
            patched.setattr("seqdrop.stages.transform_way.enqueue_next", self._die)
            with pytest.raises(Died):
                stack.deliver(*stack.messages)
        stack.deliver()
        stack.drain()
        assert stack.job(key).state == "FAILED"
        assert stack.attempts(key) == [(1, "FAILED"), (2, "SUBMITTED")]

    def test_a_second_invocation_that_loses_tries_again(self, stack, monkeypatch):
        key = stack.drop()
        stack.start(key)
        stack.wait()
        monkeypatch.setattr(type(stack.services.ledger), "move", lambda *_, **__: False)
        with pytest.raises(RetryableError):
            stack.deliver()

    @staticmethod
    def _die(*_, **__):
        raise Died


def test_messages_of_other_requests_are_ignored(stack):
    key = stack.drop()
    stack.start(key)
    stack.wait()
    upload = key.split("-")[0]
    for other in ("someone-elses", f"{upload}-{'0' * 24}-00000", f"{'A' * 26}-{'0' * 24}-00000"):
        message = make_inference_message(other)
        if parse_inference_result(message):
            stack.deliver(message)
    assert stack.attempts(key) == [(1, "SUBMITTED")]


def test_the_request_is_within_the_bounds_of_the_service(stack):
    key = stack.drop(sizes=(1, 1))
    stack.start(key)
    for request in Order.of(stack.job(key)).invocations:
        assert len(request["InferenceId"]) <= 64
        assert len(request["Filename"]) <= 32
        assert request["InputLocation"].startswith("s3://work/shards/")
        assert 60 <= request["RequestTTLSeconds"] <= 21_600
        assert 1 <= request["InvocationTimeoutSeconds"] <= 3_600
