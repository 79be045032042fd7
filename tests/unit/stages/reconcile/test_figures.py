"""The figures of the dashboard: what is unfinished, what has ended since the last run, what jobs cost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from seqdrop.ledger.coordination import Position
from seqdrop.ledger.moves import OPEN, UPLOAD
from seqdrop.ledger.records import EXAMINE, TRAIN, TRANSFORM, Attempt, Job, Upload
from seqdrop.ledger.run_record import Run
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import iso, now
from seqdrop.stages.hourly_spend import ENDPOINTS, INSTANCE_TYPE, MONITORING, STARTED, add_dollars
from seqdrop.stages.reconcile import endings, gauges
from seqdrop.stages.reconcile.endings import ENDINGS, count_endings
from seqdrop.stages.reconcile.gauges import GAUGES, measure
from seqdrop.stages.reconcile.spending import sum_dollars
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.services import direct_services

HOUR = 3600
RESOURCES = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}
PRICE = 2 * 0.23
REQUESTS = {
    TRANSFORM: {"TransformResources": RESOURCES},
    TRAIN: {"ResourceConfig": RESOURCES},
    EXAMINE: {"ProcessingResources": {"ClusterConfig": RESOURCES}},
}


class Lab:
    """A ledger under a clock that the test advances."""

    def __init__(self, monkeypatch):
        self.clock = Clock()
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: self.clock.now)
        account = Account(clock=self.clock)
        self.ledger = Ledger(Table(account), now)
        self.services = replace(direct_services(account), ledger=self.ledger)

    def add(self, name: str, *states: str, **facts) -> Upload:
        version = UploadVersion("landing", f"raw/{name}", "v", 1, "e", "0")
        self.ledger.create(Upload.from_version(version, "raw"))
        for state in states:
            self.ledger.move(self.ledger.find_upload(version.id), state, **(facts if state == states[-1] else {}))
        return self.ledger.find_upload(version.id)

    def start_job(self, name: str = "seqdrop-x", task: str = TRANSFORM) -> None:
        self.ledger.create(Job("PLANNED", name=name, task=task, request=json.dumps(REQUESTS[task])))
        self.move_job("STARTED", name)

    def move_job(self, state: str, name: str = "seqdrop-x") -> None:
        self.ledger.move(self.ledger.find_job(name), state)


@pytest.fixture
def lab(monkeypatch) -> Lab:
    return Lab(monkeypatch)


class TestGauges:
    """What is unfinished now."""

    def test_an_empty_ledger_has_every_gauge_as_zero(self, lab):
        assert measure(lab.services) == dict.fromkeys(GAUGES, 0)

    def test_unfinished_uploads_are_counted_by_state_and_finished_ones_are_not(self, lab):
        for number, states in enumerate([(), (), ("WAITING",), ("VALIDATED",), ("REJECTED",), ("WITHDRAWN",)]):
            lab.add(f"{number}.txt", *states)
        counts = measure(lab.services)
        assert [counts[f"uploads_{state}"] for state in ("received", "waiting", "validated")] == [2, 1, 1]

    def test_the_oldest_is_counted_from_its_record_also_after_moves_and_nudges(self, lab):
        oldest = lab.add("a.txt", "VALIDATED")
        lab.clock.advance(5 * HOUR)
        lab.ledger.note_nudge(oldest)
        lab.add("b.txt")
        lab.clock.advance(HOUR)
        assert measure(lab.services)["oldest_upload_hours"] == 6

    def test_refused_copies_are_uploads_whose_archive_s3_refuses(self, lab):
        lab.ledger.note(lab.add("a.txt", "VALIDATED"), refusal="key_refused")
        lab.add("b.txt", "VALIDATED")
        assert measure(lab.services)["refused_copies"] == 1

    def test_runs_jobs_and_attempts_that_wait(self, lab):
        for number, states in enumerate([(), ("COPYING",)]):
            run = Run("SEQUENCING", id=f"R{number}", analysis="runs", folder=f"runs/{number}/")
            lab.ledger.create(run)
            for state in states:
                lab.ledger.move(lab.ledger.find_run(run.id), state)
        lab.start_job()
        attempt = Attempt("PLANNED", upload_id="A" * 26, analysis="reads")
        lab.ledger.create(attempt)
        lab.ledger.move(lab.ledger.find_attempt(attempt.key), "WAITING")
        counts = measure(lab.services)
        assert (counts["runs_sequencing"], counts["runs_copying"]) == (1, 1)
        assert (counts["jobs_running"], counts["attempts_waiting"]) == (1, 1)

    def test_a_long_list_is_not_read_to_its_end(self, lab, monkeypatch):
        monkeypatch.setattr(gauges, "MOST", 3)
        for number in range(5):
            lab.add(f"{number}.txt")
        assert measure(lab.services)["uploads_received"] == 3

    def test_the_unfinished_states_are_those_from_which_an_upload_moves_by_itself(self):
        assert set(gauges.UNFINISHED) == set(OPEN[UPLOAD]) - {"FORGETTING"}  # a person asked for that


class TestEndings:
    """What has ended since the last call, each once."""

    def test_each_ending_is_counted_once_in_the_call_after_it(self, lab, capsys):
        assert count_endings(lab.services) == dict.fromkeys(ENDINGS, 0)
        lab.clock.advance(HOUR)
        lab.add("a.txt", "REJECTED", reason="bad_fastq")
        lab.add("b.txt", "REJECTED", reason="bad_fastq")
        lab.add("c.txt", "REJECTED", reason="too_large")
        lab.add("d.txt", "VALIDATED", "ARCHIVED")
        assert sum(count_endings(lab.services).values()) == 0  # the index may lack the last minute
        lab.clock.advance(300)
        counts = count_endings(lab.services)
        assert counts == {**dict.fromkeys(ENDINGS, 0), "uploads_rejected": 3, "uploads_archived": 1}
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {line["code"]: line["rejections"] for line in lines} == {"bad_fastq": [2], "too_large": [1]}
        lab.clock.advance(300)
        assert sum(count_endings(lab.services).values()) == 0

    def test_what_ended_before_the_first_call_is_not_counted(self, lab):
        lab.add("a.txt", "REJECTED", reason="bad_fastq")
        for _ in range(3):
            lab.clock.advance(300)
            assert sum(count_endings(lab.services).values()) == 0

    def test_many_endings_are_counted_over_several_calls(self, lab, monkeypatch):
        monkeypatch.setattr(endings, "MOST", 2)
        count_endings(lab.services)
        for number in range(5):
            lab.clock.advance(HOUR)
            lab.add(f"{number}.txt", "REJECTED", reason="bad_fastq")
        lab.clock.advance(300)
        assert [count_endings(lab.services)["uploads_rejected"] for _ in range(4)] == [2, 2, 1, 0]

    def test_of_two_calls_at_a_time_one_counts(self, lab, monkeypatch):
        count_endings(lab.services)
        monkeypatch.setattr(Ledger, "save", lambda *_: False)
        assert count_endings(lab.services) == {}


class TestSpending:
    """The dollars of the last 24 hours."""

    @pytest.mark.parametrize("task", REQUESTS)
    def test_a_job_costs_its_instances_for_its_hours(self, lab, task):
        lab.start_job(task=task)
        lab.clock.advance(3 * HOUR)
        assert sum_dollars(lab.services) == pytest.approx(3 * PRICE)
        lab.move_job("FAILED")
        lab.clock.advance(20 * HOUR)
        assert sum_dollars(lab.services) == pytest.approx(3 * PRICE)

    def test_only_the_part_within_24_hours_counts(self, lab):
        lab.start_job()
        lab.clock.advance(30 * HOUR)
        assert sum_dollars(lab.services) == pytest.approx(24 * PRICE)
        lab.move_job("DONE")
        lab.clock.advance(23 * HOUR)
        assert sum_dollars(lab.services) == pytest.approx(PRICE)
        lab.clock.now += timedelta(hours=1, milliseconds=1)
        assert sum_dollars(lab.services) == 0

    def test_the_price_of_the_stack_is_that_of_transform_jobs(self, lab):
        settings = replace(lab.services.settings, instance_price=10.0)
        lab.start_job()
        lab.start_job("seqdrop-y", TRAIN)
        lab.clock.advance(HOUR)
        assert sum_dollars(replace(lab.services, settings=settings)) == pytest.approx(2 * 10 + PRICE)

    def test_endpoints_and_monitoring_jobs_count(self, lab):
        place = add_dollars({}, 1.5, lab.clock.now)
        lab.ledger.save(Position(ENDPOINTS, place))
        lab.ledger.save(Position(MONITORING, {STARTED: iso(lab.clock.now), INSTANCE_TYPE: "ml.m5.xlarge", **place}))
        lab.clock.advance(2 * HOUR)
        assert sum_dollars(lab.services) == pytest.approx(2 * 1.5 + 2 * PRICE / 2)
        lab.clock.advance(24 * HOUR)
        assert sum_dollars(lab.services) == pytest.approx(24 * PRICE / 2)

    def test_a_job_without_a_known_price_or_start_is_not_counted(self, lab):
        request = json.dumps({"TransformResources": {"InstanceType": "ml.unknown", "InstanceCount": 1}})
        lab.ledger.create(Job("PLANNED", name="seqdrop-x", request=request))
        lab.move_job("STARTED")
        lab.ledger.create(Job("PLANNED", name="seqdrop-y", request=json.dumps(REQUESTS[TRANSFORM])))
        lab.move_job("FAILED", "seqdrop-y")
        lab.clock.advance(HOUR)
        assert sum_dollars(lab.services) == 0
