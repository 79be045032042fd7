"""Starts of workflows on whole runs, whose members are claimed in several transactions, and their refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from seqdrop.kinds.registry import parse
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.run_record import Run
from seqdrop.stages.start_transform.start_transform import start_transform
from seqdrop.stages.workflow import start as starting
from seqdrop.stages.workflow.ending import advance_job, finish_run
from seqdrop.stages.workflow.start import start
from seqdrop.uploads import UploadVersion

ANALYSES = """
[analyses.a]
prefix = "a/"
formats = ["any"]
max_gb = 1
gate = "run"
[analyses.a.workflow]
id = "1234567"
per = "run"
parameters = { input = "{samplesheet}" }
"""
FOLDER = "a/run7/"


class Lab:
    """A complete run of samples, each with two mates, whose attempts are planned."""

    def __init__(self, services, cloud, samples: int):
        self.cloud, self.services = cloud, replace(services, analyses=parse(ANALYSES))
        self.ledger, self.plan = services.ledger, self.services.analyses.by_name["a"].as_json()
        names = [f"S{number}" for number in range(samples)]
        self.keys = {name: [self.add(f"{FOLDER}{name}_R{read}_001.fastq") for read in (1, 2)] for name in names}
        run = Run.of_folder("landing", FOLDER, "a")
        self.ledger.create(replace(run, complete=[""]))
        rows = [{"sample_id": name, "files": {f"R{n}": [f"{name}_R{n}_001.fastq"] for n in (1, 2)}} for name in names]
        cloud.s3.put(
            "results", "runs/a/run7/run.json", json.dumps({"parts": [{"folder": "", "samples": rows}]}).encode()
        )

    def add(self, key: str) -> str:
        version = self.cloud.s3.put("landing", key, key.encode())
        upload = Upload.from_version(UploadVersion("landing", key, version.id, 5, version.etag), "a", "a/")
        self.ledger.create(upload)
        attempt = Attempt("PLANNED", upload_id=upload.id, analysis="a", plan=self.plan, run=FOLDER)
        self.ledger.move(self.ledger.require_upload(upload.id), "VALIDATED", attempt, format="fastq")
        return upload.id

    @property
    def states(self) -> set[str]:
        return {self.attempt(upload).state for pair in self.keys.values() for upload in pair}

    def attempt(self, upload: str) -> Attempt:
        return self.ledger.attempts(upload)[-1]

    def start(self, sample: str) -> None:
        start(self.services, self.attempt(self.keys[sample][0]).key)

    @property
    def mails(self) -> list[dict]:
        return [body for target, body in self.cloud.sent if target == "topic"]


@pytest.fixture
def make_lab(direct, cloud, monkeypatch):
    # The page of a run has tests of its own; the report here has only what a workflow reads.
    monkeypatch.setattr("seqdrop.stages.runs.report.write_pages", lambda *_: None)
    return lambda samples: Lab(direct, cloud, samples)


def test_a_run_with_more_files_than_a_transaction_holds_is_one_run(make_lab, cloud):
    lab = make_lab(60)
    lab.start("S7")
    assert lab.states == {"SUBMITTED"}
    (run,) = cloud.omics.runs
    job = lab.ledger.find_job(run.name)
    assert (len(job.members), job.state, job.run_id) == (120, "STARTED", run.id)
    sheet = cloud.s3.read("results", f"runs/a/run7/workflow/{job.name}/samplesheet.csv").decode()
    assert len(sheet.splitlines()) == 61
    lab.start("S8")
    assert len(cloud.omics.runs) == 1


def test_a_crash_between_two_transactions_loses_no_member(make_lab, cloud, monkeypatch):
    lab = make_lab(60)
    monkeypatch.setattr(starting, "claim_rest", lambda *_: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        lab.start("S7")
    monkeypatch.undo()
    assert lab.states == {"SUBMITTED", "PLANNED"}
    waiting = next(name for name, pair in lab.keys.items() if lab.attempt(pair[0]).state == "PLANNED")
    lab.start(waiting)
    assert lab.states == {"SUBMITTED"}
    assert len(cloud.omics.runs) == 1


def test_an_incomplete_sample_fails_and_the_others_start(make_lab, cloud):
    lab = make_lab(3)
    cloud.s3.delete("landing", f"{FOLDER}S1_R2_001.fastq")
    lab.start("S0")
    assert [lab.attempt(pair[0]).state for pair in lab.keys.values()] == ["SUBMITTED", "FAILED", "SUBMITTED"]
    assert "S1_R2_001.fastq is not in the landing bucket any more" in lab.mails[0]["Message"]
    (run,) = cloud.omics.runs
    assert lab.ledger.find_job(run.name).members == sorted(
        self_attempt.key for name in ("S0", "S2") for self_attempt in map(lab.attempt, lab.keys[name])
    )


def test_an_end_lists_outputs_and_lets_the_files_advance(make_lab, cloud):
    lab = make_lab(1)
    lab.start("S0")
    (run,) = cloud.omics.runs
    finish_run(lab.services, run.id)
    assert lab.states == {"SUBMITTED"}, "it runs"
    run.ends = cloud.clock.now
    cloud.omics.run()
    finish_run(lab.services, run.id)
    finish_run(lab.services, run.id)
    assert lab.states == {"PREDICTED"}
    report = json.loads(cloud.s3.read("results", "runs/a/run7/run.json"))
    assert [(entry["state"], entry["samples"], entry["files"]) for entry in report["workflows"]] == [
        ("DONE", ["S0"], 1)
    ]
    assert {body["upload"] for queue, body in cloud.sent if queue == "archive_queue"} == set(lab.keys["S0"])


def test_starts_are_ten_seconds_apart(make_lab, cloud):
    labs = make_lab(1)
    labs.start("S0")
    pace = labs.ledger.start_pace()
    other = labs.add("a/run8/S9_R1_001.fastq")
    labs.ledger.create(replace(Run.of_folder("landing", "a/run8/", "a"), complete=[""]))
    start(labs.services, labs.attempt(other).key)
    job = labs.ledger.find_job(labs.attempt(other).job)
    assert (job.state, job.due_at) == ("PLANNED", pace.free_at)
    (message,) = [body for queue, body in cloud.sent if queue == "workflow_queue"]
    assert message == {"job": job.name}


@pytest.mark.parametrize(
    ("code", "state", "word"),
    [
        ("ThrottlingException", "PLANNED", ""),
        ("ServiceQuotaExceededException", "PLANNED", ""),
        ("AccessDeniedException", "FAILED", "IAM does not allow this run"),
        ("ValidationException", "FAILED", "HealthOmics refused the run"),
        ("ResourceNotFoundException", "FAILED", "HealthOmics refused the run"),
        ("ConflictException", "FAILED", "HealthOmics refused the run"),
    ],
)
def test_a_refused_start_waits_or_fails_with_the_cause(make_lab, cloud, code, state, word):
    lab = make_lab(1)
    cloud.omics.refusals = [code]
    lab.start("S0")
    job = lab.ledger.find_job(lab.attempt(lab.keys["S0"][0]).job)
    assert (job.state, job.waits) == (state, int(state == "PLANNED"))
    assert word in job.reason
    assert len(lab.mails) == int(state == "FAILED")
    if state == "PLANNED":
        lab.ledger.note(job, due_at="2026-01-01T00:00:00.000Z")
        advance_job(lab.services, job.name)
        assert lab.ledger.find_job(job.name).state == "STARTED"


def test_a_lost_response_does_not_start_a_second_run(make_lab, cloud):
    lab = make_lab(1)
    real = lab.services.omics.start_run
    once = SimpleNamespace(
        start_run=lambda **request: (real(**request), (_ for _ in ()).throw(TimeoutError))[1],
        list_runs=lab.services.omics.list_runs,
    )
    with pytest.raises(TimeoutError):
        start(replace(lab.services, omics=once), lab.attempt(lab.keys["S0"][0]).key)
    lab.start("S0")
    (run,) = cloud.omics.runs
    assert lab.ledger.find_job(run.name).run_id == run.id


def test_without_workflows_the_attempt_fails_and_says_what_to_do(make_lab):
    lab = make_lab(1)
    key = lab.attempt(lab.keys["S0"][0]).key
    start_transform(lab.services, [key])
    attempt = lab.ledger.find_attempt(key)
    assert attempt.state == "FAILED"
    assert "Workflows=true" in attempt.reason
