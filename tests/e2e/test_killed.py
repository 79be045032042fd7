"""SageMaker killed while it works, and while it is asked: every upload arrives, and no job is started twice."""

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
from tests.e2e.test_road import assert_archived, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTIG = b">c\n" + b"ACGTTGCATGCCGATCAAGT" * 60 + b"\n"


@pytest.fixture(scope="module", autouse=True)
def slow_containers(aws) -> Iterator[None]:
    """Containers that import what they need take seconds, in which they can be killed."""
    aws.restart_sagemaker()
    yield
    aws.restart_sagemaker(warm=True)


@pytest.fixture(scope="module")
def predictions(put, end, s3, stack) -> list[dict]:
    """What the model says of the contig when nothing goes wrong."""
    (one,) = end(put("contigs/killed/undisturbed.fasta", CONTIG))
    return rows(s3, stack, one)


@pytest.fixture
def sagemaker(aws):
    """Whatever a test leaves, the next one finds SageMaker up."""
    yield aws.client("sagemaker")
    if not find_session_members(aws.sagemaker_pid):
        aws.restart_sagemaker()


@pytest.fixture
def no_job_end_is_told(aws):
    """Take away the rule by which the end of a transform job is heard of; it is there again after the test."""
    events = aws.client("events")
    (name,) = (rule["Name"] for rule in events.list_rules()["Rules"] if "-JobEndedRule-" in rule["Name"])
    events.disable_rule(Name=name)
    yield
    events.enable_rule(Name=name)


def kill(aws) -> None:
    """Return when nothing is left of SageMaker and its jobs, and it does not answer."""
    pid = aws.sagemaker_pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not find_session_members(pid))
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        aws.client("sagemaker", config=Config(retries={"total_max_attempts": 1})).list_transform_jobs()


def running_job(aws, target, upload_id: str) -> str:
    """The name of the upload's transform job, once its container runs."""

    def probe() -> str | None:
        attempts = target.ledger().attempts(upload_id)
        if not attempts or not attempts[-1].job or len(find_session_members(aws.sagemaker_pid)) <= 2:
            return None
        name = attempts[-1].job
        found = aws.client("sagemaker").list_transform_jobs(NameContains=name)["TransformJobSummaries"]
        return name if [job["TransformJobStatus"] for job in found] == ["InProgress"] else None

    return wait_for(probe, timeout=60)


def assert_right(one, predictions, aws, s3, stack) -> None:
    """It is archived, with the predictions that it should have, and one job was made for it."""
    assert_archived(s3, stack, one, CONTIG)
    assert len(one.attempts) == 1
    same = ("record", "start", "end", "strand", "probability")
    found = [[row.get(name) for name in same] for row in rows(s3, stack, one)]
    assert found == [[row.get(name) for name in same] for row in predictions]
    jobs = aws.client("sagemaker").list_transform_jobs(NameContains=one.upload_id)["TransformJobSummaries"]
    assert [job["TransformJobName"] for job in jobs] == [one.attempts[0].job]


def test_a_job_killed_midway_is_heard_of(put, end, aws, target, s3, stack, sagemaker, predictions):
    version = put("contigs/killed/midway.fasta", CONTIG)
    running_job(aws, target, version.id)
    kill(aws)
    reconcile(aws)  # while SageMaker is down, it can but try
    aws.restart_sagemaker()
    reconcile(aws)
    (one,) = end(version)
    assert_right(one, predictions, aws, s3, stack)


def test_a_job_whose_end_nobody_heard_of_is_found(
    put, end, aws, target, s3, stack, sagemaker, predictions, no_job_end_is_told
):
    version = put("contigs/killed/unheard.fasta", CONTIG)
    name = running_job(aws, target, version.id)
    kill(aws)
    aws.restart_sagemaker()
    assert wait_for_transform_job(aws, name)["TransformJobStatus"] == "Completed"
    assert target.ledger().attempts(version.id)[-1].state == "SUBMITTED"
    reconcile(aws)
    (one,) = end(version)
    assert_right(one, predictions, aws, s3, stack)


def test_an_upload_that_comes_while_sagemaker_is_down_goes_on_later(
    put, end, aws, target, s3, stack, sagemaker, predictions
):
    kill(aws)
    version = put("contigs/killed/down.fasta", CONTIG)
    wait_for(lambda: target.ledger().attempts(version.id) and in_flight(aws), timeout=60)
    aws.restart_sagemaker()
    reconcile(aws)
    (one,) = end(version)
    assert_right(one, predictions, aws, s3, stack)


def in_flight(aws) -> bool:
    """Whether start_transform has taken a message that it has not dealt with."""
    sqs, name = aws.client("sqs"), "ApproximateNumberOfMessagesNotVisible"
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "TransformQueue" in url)
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]) > 0
