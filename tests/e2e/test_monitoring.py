"""A stack with Monitoring: daily jobs over what was really predicted, drift, truth, and the mails about them."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
from rich.console import Console
from seqdrop.stages.monitor.monitor import DELAY
from seqdrop_cli.watch import watch

from local.deploy import deploy
from tests.e2e.conftest import PATIENCE, drop_file, make_target, subscribe
from tests.unit.monitoring.species import reads

pytestmark = pytest.mark.long  # deploys its own stack

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
ANALYSIS = "reads"


@pytest.fixture(scope="module")
def lab(aws):
    """The stack, and functions to use it."""
    stack, s3 = deploy(aws, name="monitored", Monitoring="true"), aws.client("s3")
    ledger = make_target(aws, stack).ledger()
    resources = aws.client("cloudformation").describe_stack_resources(StackName="monitored")["StackResources"]
    queues = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    return SimpleNamespace(
        aws=aws,
        stack=stack,
        s3=s3,
        ledger=ledger,
        queue=queues["MonitorQueue"],
        mails=subscribe(aws, stack.topic, "mails-of-monitoring"),
        put=lambda key, body: drop_file(s3, stack.landing, key, body),
        wait_for_end=lambda *versions: watch(ledger, list(versions), Console(quiet=True), PATIENCE),
    )


def predict(lab, name: str, sequences: list[str]) -> str:
    """Drop reads and wait for their predictions; return the upload id."""
    body = "".join(f"@{name}{n}\n{text}\n+\n{'I' * len(text)}\n" for n, text in enumerate(sequences))
    (upload,) = lab.wait_for_end(lab.put(f"reads/{name}.fastq", body.encode()))
    assert upload.state == "ARCHIVED", upload.detail
    return upload.upload_id


def history(lab) -> list[dict]:
    key = f"monitoring/{ANALYSIS}/batch/history.json"
    try:
        return json.loads(lab.s3.get_object(Bucket=lab.stack.results, Key=key)["Body"].read())
    except lab.s3.exceptions.NoSuchKey:
        return []


def monitor(lab) -> dict:
    """Send the message of the schedule until a job has written another report; return it."""
    time.sleep(DELAY.total_seconds() + 1)  # what is younger is left to the next job
    before, deadline = len(history(lab)), time.monotonic() + PATIENCE
    while len(points := history(lab)) == before:
        assert time.monotonic() < deadline, "no report"
        lab.aws.client("sqs").send_message(QueueUrl=lab.queue, MessageBody=json.dumps(SCHEDULED))
        time.sleep(3)  # the schedule itself is once a day; nothing tells a test that a job has ended
    place = f"monitoring/{ANALYSIS}/batch/{points[-1]['date']}"
    page = lab.s3.get_object(Bucket=lab.stack.results, Key=f"{place}/report.html")["Body"].read().decode()
    assert "Seqdrop monitoring" in page
    return json.loads(lab.s3.get_object(Bucket=lab.stack.results, Key=f"{place}/report.json")["Body"].read())


def put_truth(lab, upload: str, *, swap: bool) -> None:
    """Drop truth with which the calls of an upload agree in all windows, or in none."""
    key = f"results/{ANALYSIS}/{upload}/predictions.jsonl"
    body = lab.s3.get_object(Bucket=lab.stack.results, Key=key)["Body"]
    rows = [row for row in map(json.loads, body.iter_lines()) if "call" in row]
    lines = [f"{row['record']}\t{row['start']}\t{row['end']}\t{int(row['call'] != swap)}" for row in rows]
    text = "\n".join(["record\tstart\tend\tlabel", *lines, ""])
    (upload_of_truth,) = lab.wait_for_end(lab.put(f"truth/{upload}.tsv", text.encode()))
    assert upload_of_truth.state == "ARCHIVED", "truth is archived as any other file"


def test_drift_and_swapped_labels_are_reported_and_mailed(lab):
    first = predict(lab, "first", reads(600, seed=1))
    put_truth(lab, first, swap=False)
    report = monitor(lab)
    assert (report["comparisons"], report["uploads"]) == ([], 1)
    assert report["observations"]["inputs"] == 600, "each read is a piece"
    (quality,) = report["quality"]
    assert (quality["upload"], quality["details"]["accuracy"], quality["dropped"]) == (first, 1.0, False)

    predict(lab, "second", reads(600, seed=2))
    report = monitor(lab)
    assert {entry["feature"] for entry in report["comparisons"]} == {
        "length",
        "gc",
        "unknown",
        "kmers",
        "score",
        "calls",
    }
    assert report["drifted"] == []
    assert not [mail for mail in lab.mails.all() if "monitoring" in mail["Subject"]]

    third = predict(lab, "third", reads(600, seed=3, species=2, gc=0.6))
    put_truth(lab, third, swap=True)
    report = monitor(lab)
    assert {"gc", "kmers"} <= set(report["drifted"])
    assert report["dropped"] == [third]
    assert len(report["quality"]) == 1
    mail = lab.mails.wait_for("GC content: distance")
    assert mail["Subject"] == "Seqdrop: monitoring has findings in reads"
    assert f"upload {third}: MCC -1" in mail["Message"]


def test_the_job_prints_no_sequence_and_reads_no_dropped_sequence(lab):
    jobs = lab.aws.client("sagemaker").list_processing_jobs(NameContains="seqdrop-monitor-")["ProcessingJobSummaries"]
    assert {job["ProcessingJobStatus"] for job in jobs} == {"Completed"}
    for job in jobs:
        log = (lab.aws.workdir / "processing-jobs" / job["ProcessingJobName"] / "container.log").read_text()
        assert "reads (batch)" in log
        assert reads(1, seed=1)[0][:20] not in log
