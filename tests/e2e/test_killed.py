"""SageMaker killed while jobs run and while it is called: every upload is processed, and no job is started twice."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.processes import find_session_members
from local.testing import wait_for, wait_for_transform_job
from tests.e2e.test_pairs import reconcile
from tests.e2e.test_routes import assert_archived, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long
CONTIG = b">c\n" + b"ACGTTGCATGCCGATCAAGT" * 60 + b"\n"


@pytest.fixture(scope="module", autouse=True)
def slow_containers(aws) -> Iterator[None]:
    """Use containers that are not warm, because their imports take seconds, in which a test can kill them."""
    aws.restart_sagemaker()
    yield
    aws.restart_sagemaker(warm=True)


@pytest.fixture(scope="module")
def predictions(put, wait_for_end, s3, stack) -> list[dict]:
    """The predictions for the contig when SageMaker is not killed."""
    (upload,) = wait_for_end(put("contigs/killed/undisturbed.fasta", CONTIG))
    return read_rows(s3, stack, upload)


@pytest.fixture
def sagemaker(aws):
    """A client of SageMaker, which is restarted after the test if it is down."""
    yield aws.client("sagemaker")
    if not find_session_members(aws.sagemaker_pid):
        aws.restart_sagemaker()


@pytest.fixture
def job_end_rule_disabled(aws):
    """Disable the rule that announces the end of transform jobs during the test."""
    events = aws.client("events")
    (name,) = (rule["Name"] for rule in events.list_rules()["Rules"] if "-JobEndedRule-" in rule["Name"])
    events.disable_rule(Name=name)
    yield
    events.enable_rule(Name=name)


def kill(aws) -> None:
    """Kill SageMaker, and wait until it and its jobs have no processes and it does not respond."""
    pid = aws.sagemaker_pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not find_session_members(pid))
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        aws.client("sagemaker", config=Config(retries={"total_max_attempts": 1})).list_transform_jobs()


def wait_for_running_job(aws, target, upload_id: str) -> str:
    """Return the name of the upload's transform job as soon as its container runs."""

    def probe() -> str | None:
        attempts = target.ledger().attempts(upload_id)
        if not attempts or not attempts[-1].job or len(find_session_members(aws.sagemaker_pid)) <= 2:
            return None
        name = attempts[-1].job
        jobs = aws.client("sagemaker").list_transform_jobs(NameContains=name)["TransformJobSummaries"]
        return name if [job["TransformJobStatus"] for job in jobs] == ["InProgress"] else None

    return wait_for(probe, timeout=60)


def assert_predicted_once(upload, predictions, aws, s3, stack) -> None:
    """Assert that the upload is archived with the expected predictions, and that it had one job."""
    assert_archived(s3, stack, upload, CONTIG)
    assert len(upload.attempts) == 1
    same = ("record", "start", "end", "strand", "probability")
    values = [[row.get(name) for name in same] for row in read_rows(s3, stack, upload)]
    assert values == [[row.get(name) for name in same] for row in predictions]
    jobs = aws.client("sagemaker").list_transform_jobs(NameContains=upload.upload_id)["TransformJobSummaries"]
    assert [job["TransformJobName"] for job in jobs] == [upload.attempts[0].job]


def test_a_job_killed_while_it_runs_is_completed(pipeline, sagemaker, predictions):
    version = pipeline.put("contigs/killed/midway.fasta", CONTIG)
    wait_for_running_job(pipeline.aws, pipeline.target, version.id)
    kill(pipeline.aws)
    reconcile(pipeline.aws)  # SageMaker is down, so this has no effect
    pipeline.aws.restart_sagemaker()
    reconcile(pipeline.aws)
    (upload,) = pipeline.wait_for_end(version)
    assert_predicted_once(upload, predictions, pipeline.aws, pipeline.s3, pipeline.stack)


def test_a_job_whose_end_was_not_announced_is_found(pipeline, sagemaker, predictions, job_end_rule_disabled):
    version = pipeline.put("contigs/killed/unheard.fasta", CONTIG)
    name = wait_for_running_job(pipeline.aws, pipeline.target, version.id)
    kill(pipeline.aws)
    pipeline.aws.restart_sagemaker()
    assert wait_for_transform_job(pipeline.aws, name)["TransformJobStatus"] == "Completed"
    assert pipeline.target.ledger().attempts(version.id)[-1].state == "SUBMITTED"
    reconcile(pipeline.aws)
    (upload,) = pipeline.wait_for_end(version)
    assert_predicted_once(upload, predictions, pipeline.aws, pipeline.s3, pipeline.stack)


def test_an_upload_that_arrives_while_sagemaker_is_down_is_processed_later(pipeline, sagemaker, predictions):
    kill(pipeline.aws)
    version = pipeline.put("contigs/killed/down.fasta", CONTIG)
    wait_for(lambda: pipeline.target.ledger().attempts(version.id) and has_message_in_flight(pipeline.aws), timeout=60)
    pipeline.aws.restart_sagemaker()
    reconcile(pipeline.aws)
    (upload,) = pipeline.wait_for_end(version)
    assert_predicted_once(upload, predictions, pipeline.aws, pipeline.s3, pipeline.stack)


def has_message_in_flight(aws) -> bool:
    """Return True if start_transform has received a message that is not handled yet."""
    sqs, name = aws.client("sqs"), "ApproximateNumberOfMessagesNotVisible"
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "TransformQueue" in url)
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]) > 0
