"""Each alarm of template.yaml is raised by its cause, and none by a lab without trouble.

The metrics of SQS, Lambda and EventBridge are added as AWS documents them; those of Seqdrop are what its functions
print. tests/support/alarms.py evaluates the alarms.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from botocore.exceptions import ClientError
from seqdrop.archive.findings import KINDS, Finding
from seqdrop.config.settings import Settings
from seqdrop.ledger.records import Job, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.metrics import publish
from seqdrop.runtime.services import now
from seqdrop.stages.archive.refusals import report
from seqdrop.stages.inventory.report import count_kinds
from seqdrop.stages.monitor.reporting import count_findings
from seqdrop.stages.reconcile.endings import ENDINGS
from seqdrop.stages.reconcile.reconcile import ALWAYS
from seqdrop.uploads import UploadVersion

from benchmarks import cost
from tests.support.alarms import Alarm, Metrics, alarms, metrics_of
from tests.support.aws import template
from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.services import direct_services

RUNS_EVERY = 300  # seconds between two runs of the reconciler, and the period of the metrics of SQS
ALARMS = alarms()
FUNCTIONS = list(template.resources_of_type("AWS::Serverless::Function"))
QUEUES = {function.queue for function in template.functions()}
DEAD_LETTERS = set(template.queues()) - QUEUES
RULES = {*template.resources_of_type("AWS::Events::Rule"), "ReconcileFunctionSchedule"}
BUSES = {"WebhookRule": {"EventBusName": "EventBus"}}  # metrics of rules on a bus of the stack name it
VISIBLE, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"


def find(metric: str, of: str = "", *, expression: bool | None = None) -> list[str]:
    """Return the alarms that watch this metric with this dimension value; with or without an expression."""
    return [
        name
        for name, alarm in ALARMS.items()
        for _, watched, dimensions in metrics_of(alarm)
        if watched == metric and of in (*dimensions.values(), "") and expression in (None, "Metrics" in alarm)
    ]


def find_one(metric: str, of: str = "", *, expression: bool | None = None) -> str:
    (name,) = set(find(metric, of, expression=expression))
    return name


class Lab:
    """A stack in memory under a clock. Its reconciler runs every five minutes, and its alarms are evaluated then.

    The run finds nothing, and costs the test no time, until `use_reconciler` has the real one run.
    """

    def __init__(self, monkeypatch, capsys, repository):
        self.clock, self.metrics, self.capsys = Clock(), Metrics(), capsys
        self.account = Account(template.buckets(), queues=template.queues(), clock=self.clock)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: self.clock.now)
        services = direct_services(self.account)
        settings = Settings.load(template.environment())
        self.services = replace(services, settings=settings, ledger=Ledger(Table(self.account), now))
        self.load = partial(_load, monkeypatch, repository, self.services)
        self.reconcile = self.load("reconcile", reconcile=lambda _, **__: {"errors": 0})
        self.alarms = {name: Alarm(name) for name in ALARMS}
        self.runs, self.mails = True, Counter()

    def use_reconciler(self) -> None:
        self.reconcile = self.load("reconcile")

    def pass_time(self, seconds: float = RUNS_EVERY) -> None:
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            if self.runs:
                self.reconcile({}, None)
            self.read_log()
            self._observe_queues()
            self.clock.advance(RUNS_EVERY)
            for alarm in self.alarms.values():
                alarm.evaluate(self.metrics, self.clock.seconds)

    def read_log(self) -> None:
        self.metrics.read_log(self.clock.seconds, self.capsys.readouterr().out)

    def raised(self) -> set[str]:
        return {name for name, alarm in self.alarms.items() if alarm.state == "ALARM"}

    def mail_count(self, name: str) -> int:
        return self.alarms[name].mails

    def add(self, namespace: str, metric: str, count: int, **dimensions: str) -> None:
        self.metrics.add(self.clock.seconds, namespace, metric, count, **dimensions)

    def fail_message(self, queue: str) -> None:
        """Let a message be received until it becomes a dead letter."""
        queues = self.account.queues
        message = queues.put(queue, "{}")
        settings = queues.settings[queue]
        for _ in range(settings.most_receives + 1):
            queues.receive(queue, [message])
            self.clock.advance(settings.visibility)

    def _observe_queues(self) -> None:
        """Add what SQS reports about queues that are not empty; of others it reports nothing after some hours."""
        for name, messages in self.account.queues.messages.items():
            if messages:
                oldest = min(message.sent_at for message in messages)
                self.add("AWS/SQS", VISIBLE, len(self.account.queues.visible(name)), QueueName=name)
                self.add("AWS/SQS", AGE, self.clock.seconds - oldest, QueueName=name)


def _load(monkeypatch, repository, services, name: str, **replaced):
    spec = importlib.util.spec_from_file_location(f"app_{name}", repository / f"functions/{name}/app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    for attribute, value in ({"services": lambda: services} | replaced).items():
        monkeypatch.setattr(app, attribute, value)
    return app.handler


@pytest.fixture
def lab(monkeypatch, capsys, repository) -> Lab:
    lab = Lab(monkeypatch, capsys, repository)
    lab.pass_time(1800)
    assert lab.raised() == set()
    return lab


class TestCauses:
    """Each alarm is raised by its cause, and by nothing else."""

    @pytest.mark.parametrize("queue", sorted(QUEUES))
    def test_a_message_that_fails_five_times(self, lab, queue):
        lab.fail_message(queue)
        lab.runs = False
        lab.pass_time()
        dead = template.queues()[queue].dead_letters
        assert find_one(VISIBLE, dead, expression=False) in lab.raised()

    def test_a_scheduled_run_that_fails_twice(self, lab):
        lab.account.queues.put("ReconcileDeadLetters", "{}")
        lab.pass_time()
        assert lab.raised() == {"ReconcileAlarm"}

    @pytest.mark.parametrize("queue", sorted(DEAD_LETTERS))
    def test_one_more_dead_letter_sends_another_mail(self, lab, queue):
        growing, lying = find_one(VISIBLE, queue, expression=True), find_one(VISIBLE, queue, expression=False)
        lab.account.queues.put(queue, "{}")
        lab.pass_time(1800)
        assert (lab.raised(), lab.mail_count(lying), lab.mail_count(growing)) == ({lying}, 1, 0)
        for mails in (1, 2):
            lab.account.queues.put(queue, "{}")
            lab.pass_time(300)
            assert lab.raised() == {lying, growing}
            lab.pass_time(1800)
            assert (lab.raised(), lab.mail_count(lying), lab.mail_count(growing)) == ({lying}, 1, mails)
        lab.account.queues.messages[queue].clear()
        lab.pass_time(600)
        assert lab.raised() == set()

    @pytest.mark.parametrize("queue", sorted(QUEUES))
    def test_a_message_that_no_function_receives(self, lab, queue):
        name = find_one(AGE, queue)
        limit = ALARMS[name]["Threshold"]
        lab.account.queues.put(queue, "{}", delay=10**6)  # hidden, as if a function had it
        lab.pass_time(limit - limit % RUNS_EVERY)
        assert lab.raised() == set()
        lab.pass_time(4 * RUNS_EVERY)
        assert lab.raised() == {name}

    @pytest.mark.parametrize(("metric", "count"), [("Errors", 3), ("Throttles", 10)])
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_a_function_that_crashes_or_is_not_started(self, lab, function, metric, count):
        for calls, raised in ((count - 1, set()), (count, {find_one(metric, function)})):
            lab.clock.advance(900 - lab.clock.seconds % 900)
            for _ in range(calls):
                lab.add("AWS/Lambda", metric, 1, FunctionName=function)
            lab.pass_time(900)
            assert lab.raised() == raised

    @pytest.mark.parametrize("rule", sorted(RULES))
    def test_an_event_that_is_not_delivered(self, lab, rule):
        lab.add("AWS/Events", "FailedInvocations", 1, RuleName=rule, **BUSES.get(rule, {}))
        lab.pass_time()
        assert lab.raised() == {find_one("FailedInvocations", rule)}
        lab.pass_time()
        assert lab.raised() == set()

    def test_a_reconciler_that_stops(self, lab):
        lab.runs = False
        lab.pass_time(900)
        assert lab.raised() == set()
        lab.pass_time(1800)
        assert lab.raised() == {"ReconcilerStoppedAlarm"}
        lab.runs = True
        lab.pass_time(1800)
        assert lab.raised() == set()

    def test_a_copy_that_s3_refuses(self, lab):
        upload = make_upload(lab)
        lab.use_reconciler()
        refused = {"Error": {"Code": "AccessDenied", "Message": "no kms:Decrypt"}}
        report(lab.services, upload, ClientError(refused, "CopyObject"))
        lab.pass_time(2 * RUNS_EVERY)
        assert lab.raised() == {"RefusedCopiesAlarm"}
        lab.services.ledger.note(lab.services.ledger.find_upload(upload.id), refusal="")
        lab.pass_time(2 * RUNS_EVERY)
        assert lab.raised() == set()

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_archive_that_differs_from_its_receipts(self, lab, repository, kind):
        """The state stays until the next inventory, a week later."""
        findings = [Finding(kind, "missing", "key", "1", 1)]
        handler = lab.load("inventory", reconcile_inventory=lambda *_: count_kinds(findings))
        event = json.loads((repository / "events/inventory.json").read_text())
        handler(event, None)
        lab.pass_time(2 * 3600)
        assert lab.raised() == {"ArchiveMismatchAlarm"}
        lab.pass_time(5 * 3600)
        assert lab.raised() == {"ArchiveMismatchAlarm"}
        findings.clear()
        handler(event, None)
        lab.pass_time(2 * 3600)
        assert lab.raised() == set()
        assert lab.mail_count("ArchiveMismatchAlarm") == 1

    @pytest.mark.parametrize(("finding", "alarm"), [("drifted", "DriftAlarm"), ("dropped", "QualityAlarm")])
    def test_a_report_with_findings(self, lab, repository, finding, alarm):
        """The state stays until the next report, a day later."""
        report = {"drifted": [], "dropped": []}

        def monitor(_services, _job):
            publish("seqdrop", "monitor", count_findings([{**report, finding: ["x"]} if lab.drifts else report]))

        lab.drifts = True
        handler = lab.load("monitor", monitor=monitor)
        event = json.loads((repository / "events/monitor.json").read_text())
        handler(event, None)
        lab.pass_time(2 * 3600)
        assert lab.raised() == {alarm}
        lab.pass_time(20 * 3600)
        assert lab.raised() == {alarm}
        lab.drifts = False
        handler(event, None)
        lab.pass_time(2 * 3600)
        assert lab.raised() == set()
        assert lab.mail_count(alarm) == 1

    def test_jobs_that_cost_more_than_a_day_may(self, lab):
        """Fourteen instances at 7.09 dollars an hour reach 100 dollars after an hour. A day later nothing is left."""
        resources = {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 14}
        job = Job("PLANNED", name="seqdrop-x", request=json.dumps({"TransformResources": resources}))
        lab.services.ledger.create(job)
        lab.services.ledger.move(lab.services.ledger.find_job("seqdrop-x"), "STARTED")
        lab.use_reconciler()
        hourly = 14 * 7.09
        spent = int(100 / hourly * 3600) // RUNS_EVERY * RUNS_EVERY
        lab.pass_time(spent)
        assert "DailySpendAlarm" not in lab.raised()
        lab.pass_time(2 * RUNS_EVERY)
        assert "DailySpendAlarm" in lab.raised()
        lab.services.ledger.move(lab.services.ledger.find_job("seqdrop-x"), "DONE")
        lab.pass_time(1800)
        assert "DailySpendAlarm" in lab.raised()
        lab.clock.advance(24 * 3600 - spent)
        lab.pass_time(1800)
        assert "DailySpendAlarm" not in lab.raised()


def make_upload(lab: Lab) -> Upload:
    version = UploadVersion("landing", "raw/a.txt", "v", 1, "e", "0")
    lab.services.ledger.create(Upload.from_version(version, "raw"))
    lab.services.ledger.move(lab.services.ledger.find_upload(version.id), "VALIDATED", sha256="0" * 64)
    return lab.services.ledger.find_upload(version.id)


def test_a_new_stack_says_that_its_reconciler_has_not_run_yet(monkeypatch, capsys, repository):
    """Missing data breach, so the alarm is raised until half an hour is full; a new e-mail is not confirmed by then."""
    lab = Lab(monkeypatch, capsys, repository)
    lab.runs = False
    lab.pass_time()
    assert lab.raised() == {"ReconcilerStoppedAlarm"}
    lab.runs = True
    lab.pass_time(1800)
    assert lab.raised() == set()


class TestCoverage:
    """Nothing in the template can be forgotten."""

    def test_every_polled_queue_has_one_alarm_on_its_age(self):
        assert {queue: len(find(AGE, queue)) for queue in QUEUES} == dict.fromkeys(QUEUES, 1)

    def test_every_dead_letter_queue_has_one_alarm_while_messages_lie_there_and_one_when_more_come(self):
        for queue in DEAD_LETTERS:
            assert len(find(VISIBLE, queue, expression=False)) == 1, queue
            assert len(find(VISIBLE, queue, expression=True)) == 1, queue

    @pytest.mark.parametrize("metric", ["Errors", "Throttles"])
    def test_every_function_is_in_one_alarm(self, metric):
        assert {name: len(find(metric, name)) for name in FUNCTIONS} == dict.fromkeys(FUNCTIONS, 1)

    def test_the_deliveries_of_every_rule_are_watched(self):
        assert {name: len(find("FailedInvocations", name)) for name in RULES} == dict.fromkeys(RULES, 1)

    def test_every_alarm_has_a_cause_above(self):
        caused = {"ReconcilerStoppedAlarm", "RefusedCopiesAlarm", "ArchiveMismatchAlarm", "DailySpendAlarm"}
        caused |= {"DriftAlarm", "QualityAlarm"}
        for metric in (VISIBLE, AGE, "Errors", "Throttles", "FailedInvocations"):
            caused |= set(find(metric)) - set(find("errors"))
        assert caused == set(ALARMS)

    @pytest.mark.parametrize("name", ALARMS)
    def test_an_alarm_says_where_to_read_on_and_mails(self, name):
        body = template.tree()["Resources"][name]["Properties"]
        assert body["AlarmActions"] == [{"Ref": "Notifications"}]
        assert "docs/operations.md" in body["AlarmDescription"]

    @pytest.mark.parametrize("name", ALARMS)
    def test_an_alarm_has_at_most_ten_metrics_of_one_period(self, name):
        """CloudWatch refuses more than ten, and evaluates at most a day."""
        queries = ALARMS[name].get("Metrics", [])
        assert len([query for query in queries if "MetricStat" in query]) <= 10
        assert all(len(query.get("Expression", "")) <= 1024 for query in queries)
        period = ALARMS[name].get("Period") or queries[1]["MetricStat"]["Period"]
        assert period * ALARMS[name]["EvaluationPeriods"] <= 86_400

    def test_the_metrics_of_the_bill_are_counted(self):
        """benchmarks/cost.py has the sum, for docs/cost.md."""
        optional = {
            "EndpointsOn": cost.WATCHED_ENDPOINTS,
            "MonitoringOn": cost.WATCHED_MONITORING,
            "DerivedOn": cost.WATCHED_CATALOGUE,
            "TransferOn": cost.WATCHED_TRANSFER,
            "WorkflowsOn": cost.WATCHED_WORKFLOWS,
            "WebhookOn": cost.WATCHED_WEBHOOK,
        }
        watched = dict.fromkeys(["", *optional], 0)
        for name, alarm in ALARMS.items():
            condition = template.tree()["Resources"][name].get("Condition", "")
            watched[condition if condition in watched else ""] += len(metrics_of(alarm))
        assert watched == {"": cost.WATCHED, **optional}
        assert len(ALWAYS) == cost.PUBLISHED

    def test_our_own_metrics_are_published_with_the_dimensions_of_the_alarms(self):
        published = {
            "reconcile": ALWAYS | set(ENDINGS),
            "inventory": set(count_kinds([])),
            "monitor": set(count_findings([])),
        }
        for alarm in ALARMS.values():
            for namespace, metric, dimensions in metrics_of(alarm):
                if namespace == "Seqdrop":
                    assert dimensions.keys() == {"stack", "service"}
                    assert dimensions["stack"] == "seqdrop"
                    assert metric in published[dimensions["service"]]
