"""The handlers parse the events of events/, call their stage, and return the failed messages."""

import importlib.util
import json
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from seqdrop.errors import NotMigratedError, RetryableError
from seqdrop.runtime.events import Derivable
from seqdrop.runtime.services import Services
from seqdrop.runtime.sqs import compute_retry_delay

QUEUES = {
    "validate": "validate",
    "start_processing": "processing",
    "start_transform": "transform",
    "start_training": "training",
    "finish": "finish",
    "archive": "archive",
    "bundle": "bundle",
    "inventory": "inventory",
    "forget": "forget",
    "monitor": "monitor",
    "catalogue": "catalogue",
    "workflow": "workflow",
    "transfer": "transfer",
}
STAGES = {
    "inventory": "reconcile_inventory",
    "transfer": "handle_message",
}  # where the stage has another name than its function


@pytest.fixture
def function(repository, services, sent, monkeypatch):
    """Return a function that loads a handler as Lambda does, and replaces its stage."""
    urls = {f"{queue}_queue": f"https://sqs/1/{queue}" for queue in QUEUES.values()}
    changed = []
    sqs = SimpleNamespace(change_message_visibility=lambda **call: changed.append(call))
    own = replace(services, settings=replace(services.settings, **urls), sqs=sqs)

    def load(name: str, stage):
        spec = importlib.util.spec_from_file_location(f"app_{name}", repository / f"functions/{name}/app.py")
        app = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        named = ("services", "archiving_services", "bundling_services")
        monkeypatch.setattr(app, next(each for each in named if hasattr(app, each)), lambda: own)
        monkeypatch.setattr(app, STAGES.get(name, name), stage)
        return app.handler

    load.changed = changed
    return load


@pytest.fixture
def event(repository):
    return lambda name: json.loads((repository / f"events/{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("validate", "validate-eventbridge", ["reads/run 1/S1+é_R1_001.fastq.gz"]),
        ("validate", "validate-records", ["reads/run 1/S1+é_R1_001.fastq.gz", "contigs/assembly 1+2.fasta"]),
        ("start_processing", "start_processing", ["ABCDEFGHIJKLMNOPQRSTUVWX27"]),
        ("finish", "finish", ["seqdrop-reads-ABCDEFGHIJKLMNOPQRSTUVWX27-1"]),
        ("finish", "finish-processing", ["seqdrop-examine-ABCDEFGHIJKLMNOPQRSTUVWX27-1"]),
        ("finish", "finish-training", ["seqdrop-training-ABCDEFGHIJKLMNOPQRSTUVWX27-1"]),
        ("start_training", "start_training", ["ABCDEFGHIJKLMNOPQRSTUVWX27-training-1"]),
        ("archive", "archive", ["ABCDEFGHIJKLMNOPQRSTUVWX27"]),
        ("bundle", "bundle", ["ABCDEFGHIJKLMNOPQRSTUVWX27"]),
        ("inventory", "inventory", ["inventory/lists/a/b/2026-11-30T01-00Z/manifest.checksum"]),
        ("forget", "forget", ["ABCDEFGHIJKLMNOPQRSTUVWX27"]),
        ("monitor", "monitor", ["seqdrop-monitor-0123abcd-20261130041700"]),
        ("monitor", "monitor-schedule", [""]),
        ("transfer", "transfer-schedule", [{"transfer": "start"}]),
        ("catalogue", "catalogue", [Derivable(upload="ABCDEFGHIJKLMNOPQRSTUVWX27")]),
        ("workflow", "workflow", ["1234567"]),
        ("workflow", "workflow-attempt", ["ABCDEFGHIJKLMNOPQRSTUVWX27-rnaseq-1"]),
    ],
)
def test_each_message_reaches_its_stage(function, event, name, shape, expected):
    calls = []

    def stage(services, argument, *_):
        calls.append(getattr(argument, "key", argument))
        return {}

    response = function(name, stage)(event(shape), None)
    assert calls == expected
    assert response == {"batchItemFailures": []}


ID = "ABCDEFGHIJKLMNOPQRSTUVWX27"


@pytest.mark.parametrize(
    ("name", "shape", "ids"),
    [
        ("validate", "validate-eventbridge", {"upload_id": "6K7RTSVVAFSEV3CEBNR7FIK34X"}),
        ("start_processing", "start_processing", {"upload_id": ID}),
        ("start_training", "start_training", {"upload_id": ID, "job": ""}),
        ("start_transform", "start_transform", {"attempts": 2, "jobs": 0}),
        ("finish", "finish", {"job": f"seqdrop-reads-{ID}-1"}),
        ("archive", "archive", {"upload_id": ID}),
        ("bundle", "bundle", {"run_id": ID}),
        ("inventory", "inventory", {}),
        ("forget", "forget", {"upload_id": ID, "bundle_id": ""}),
        ("restore", "restore", {"restore_id": "r20261201-1a2b3c"}),
        ("reconcile", "reconcile", {}),
    ],
)
def test_every_stage_runs_in_a_span_with_its_ids(function, event, monkeypatch, name, shape, ids):
    spans, inside = [], []

    @contextmanager
    def span(stage, **annotations):
        spans.append((stage, annotations))
        yield
        inside.append(stage)

    handler = function(name, lambda *_, **__: {"errors": 0} if name == "reconcile" else set())
    monkeypatch.setitem(handler.__globals__, "span", span)
    handler(event(shape), None)
    assert (spans, inside) == ([(name, ids)], [name])


def test_archive_gets_the_seconds_that_its_invocation_still_has(function, event):
    left = []
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 12_500)
    function("archive", lambda services, upload_id, seconds_left: left.append(seconds_left()))(
        event("archive"), context
    )
    assert left == [12.5]


def test_a_batch_of_attempts_is_one_call(function, event):
    calls = []
    body = event("start_transform")
    body["Records"].append({**body["Records"][0], "messageId": "a job", "body": '{"job": "seqdrop-x"}'})

    def stage(services, attempts, jobs):
        calls.append((len(attempts), jobs))
        return {"seqdrop-x"}

    response = function("start_transform", stage)(body, None)
    assert calls == [(2, ["seqdrop-x"])]
    assert response == {"batchItemFailures": [{"itemIdentifier": "a job"}]}


@pytest.mark.parametrize(("name", "shape"), [("archive", "archive"), ("start_transform", "start_transform")])
def test_a_failed_message_is_retried_soon(function, event, name, shape):
    def fail(*_):
        raise RuntimeError("no")

    body = event(shape)
    for record in body["Records"]:
        record["attributes"]["ApproximateReceiveCount"] = "2"
    response = function(name, fail)(body, None)
    failed = [item["itemIdentifier"] for item in response["batchItemFailures"]]
    assert failed == [record["messageId"] for record in body["Records"]]
    assert {call["VisibilityTimeout"] for call in function.changed} == {60}
    assert {call["QueueUrl"] for call in function.changed} == {f"https://sqs/1/{QUEUES[name]}"}


def test_an_error_may_say_how_long_to_wait(function, event):
    """Models that are still to be copied after an upgrade: the message outlasts several runs of the reconciler."""

    def fail(*_):
        raise NotMigratedError("not yet")

    function("start_training", fail)(event("start_training"), None)
    assert [call["VisibilityTimeout"] for call in function.changed] == [600]


class TestInventory:
    """The function that compares inventories continues by a message to itself."""

    def test_an_inventory_that_needs_more_time_continues_later(self, function, event, monkeypatch):
        handler, messages = function("inventory", lambda *_: None), []
        monkeypatch.setattr(Services, "send", lambda _, queue, body: messages.append((queue, body)))
        handler(event("inventory"), None)
        key = "inventory/lists/a/b/2026-11-30T01-00Z/manifest.checksum"
        assert messages == [("https://sqs/1/inventory", {"inventory": key})]
        batch = event("inventory")
        batch["Records"][0]["body"] = json.dumps(messages[0][1])
        calls = []
        function("inventory", lambda services, argument, has_time: calls.append((argument, has_time())) or {})(
            batch, SimpleNamespace(get_remaining_time_in_millis=lambda: 500_000)
        )
        assert calls == [(key, True)]

    def test_its_counts_are_metrics(self, function, event, capsys):
        function("inventory", lambda *_: {"phantoms": 2, "orphans": 0, "mismatches": 0})(event("inventory"), None)
        metric = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (metric["service"], metric["phantoms"]) == ("inventory", [2])

    @pytest.mark.parametrize("key", ["inventory/lists/a/manifest.json", "reports/x.json"])
    def test_other_objects_are_no_inventories(self, function, event, key):
        batch, calls = event("inventory"), []
        body = json.loads(batch["Records"][0]["body"])
        body["detail"]["object"]["key"] = key
        batch["Records"][0]["body"] = json.dumps(body)
        assert function("inventory", lambda *_: calls.append(1))(batch, None) == {"batchItemFailures": []}
        assert calls == []


UNREADABLE = [
    "no JSON",
    "[]",
    '"a job"',
    "17",
    "null",
    "{}",
    '{"attempt": 1}',
    '{"attempt": "x"}',
    '{"message": "other"}',
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_one_unreadable_message_does_not_fail_its_batch(function, event, body):
    calls = []
    batch = event("start_transform")
    batch["Records"].insert(1, {**batch["Records"][0], "messageId": "bad", "body": body})
    response = function("start_transform", lambda services, attempts, jobs: calls.append(attempts) or set())(
        batch, None
    )
    assert response == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert [len(attempts) for attempts in calls] == [2]


def test_a_message_that_reports_free_slots_is_no_attempt(function, event):
    batch = event("start_transform")
    batch["Records"] = [{**batch["Records"][0], "body": '{"room": "reconcile"}'}]
    response = function("start_transform", lambda services, attempts, jobs: set())(batch, None)
    assert response == {"batchItemFailures": []}


def test_a_message_of_an_unknown_queue_is_still_returned_as_failed(function, event):
    batch = event("start_transform")
    for record in batch["Records"]:
        record["eventSourceARN"] = "arn:aws:sqs:us-east-1:1:elsewhere"
    response = function("start_transform", lambda *_: 1 / 0)(batch, None)
    assert len(response["batchItemFailures"]) == len(batch["Records"])
    assert function.changed == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_unreadable_record_of_a_message_does_not_affect_the_others(function, event, place):
    calls = []
    batch = event("validate-records")
    body = json.loads(batch["Records"][0]["body"])
    body["Records"].insert(place, {"eventSource": "aws:sns"})
    batch["Records"][0]["body"] = json.dumps(body)
    response = function("validate", lambda services, version: calls.append(version.key))(batch, None)
    assert calls == ["reads/run 1/S1+é_R1_001.fastq.gz", "contigs/assembly 1+2.fasta"]
    assert len(response["batchItemFailures"]) == 1


def test_one_version_that_fails_does_not_affect_the_others_of_its_message(function, event):
    calls = []

    def stage(services, version):
        calls.append(version.key)
        if len(calls) == 1:
            raise RuntimeError("no")

    response = function("validate", stage)(event("validate-records"), None)
    assert len(calls) == 2
    assert len(response["batchItemFailures"]) == 1


def test_reconcile_returns_its_counts(function, event):
    counts = {"received": 1, "errors": 0}
    assert function("reconcile", lambda services, **_: counts)(event("reconcile"), None) == counts


@pytest.mark.parametrize(
    ("time", "expected"),
    [("12:00:07Z", True), ("12:04:59Z", True), ("12:05:00Z", False), ("23:59:59Z", False), (None, True)],
)
def test_one_run_of_each_hour_does_the_housekeeping(function, event, time, expected):
    """The schedule runs every five minutes. Who sends an event without a time wants all checks."""
    asked = []
    sent = {**event("reconcile"), "time": f"2026-11-23T{time}"} if time else {}
    stage = lambda services, *, is_housekeeping: asked.append(is_housekeeping) or {"errors": 0}  # noqa: E731
    function("reconcile", stage)(sent, None)
    assert asked == [expected]


def test_reconcile_is_retried_if_a_check_failed(function, event, capsys):
    with pytest.raises(RetryableError, match="2 checks"):
        function("reconcile", lambda services, **_: {"received": 1, "errors": 2})(event("reconcile"), None)
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], metric["received"]) == ("Seqdrop", [1])
    assert sorted(directive["Dimensions"][0]) == ["service", "stack"]
    assert (metric["service"], metric["stack"]) == ("reconcile", "stack")


def test_reconcile_publishes_zeros_of_gauges_and_of_errors_only(function, event, capsys):
    """Each metric costs money for each hour in which it is published."""
    counts = {"received": 0, "validated": 0, "uploads_received": 0, "jobs_running": 0, "errors": 0, "planned": 3}
    function("reconcile", lambda services, **_: counts)(event("reconcile"), None)
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    published = {each["Name"] for each in metric["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert published == {"uploads_received", "jobs_running", "errors", "planned"}


def test_retry_delays_grow_to_a_bound():
    assert [compute_retry_delay(n) for n in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]
