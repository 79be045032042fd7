"""`seqdrop event` prints the event with which validate would receive a file of the landing bucket."""

import json
from types import SimpleNamespace

import boto3
import pytest
from seqdrop.runtime.events import parse_landed_versions

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/stack-ValidateQueue-1"


@pytest.fixture
def run(cloud, use_target, seqdrop):
    s3 = boto3.client("s3")
    target = SimpleNamespace(
        client=lambda name: s3,
        landing="landing",
        region="eu-west-1",
        queues=lambda: {"ValidateQueue": QUEUE},
        session=boto3.Session(region_name="eu-west-1"),
    )
    use_target(target)
    return lambda *words: seqdrop("event", "validate", *words)


def test_the_event_names_the_bucket_the_version_and_the_queue(cloud, run):
    old = cloud.s3.put("landing", "reads/run 1/é+.fastq", b"12345")
    new = cloud.s3.put("landing", "reads/run 1/é+.fastq", b"123")
    for words, landed, size in (((), new, 3), (("--version-id", old.id), old, 5)):
        outcome = run("reads/run 1/é+.fastq", *words)
        (record,) = json.loads(outcome.out)["Records"]
        (version,) = parse_landed_versions(json.loads(record["body"]))
        assert (version.bucket, version.key, version.version_id) == ("landing", "reads/run 1/é+.fastq", landed.id)
        assert (version.size, version.etag, outcome.status) == (size, landed.etag, 0)
        assert record["eventSourceARN"] == "arn:aws:sqs:eu-west-1:123456789012:stack-ValidateQueue-1"


def test_a_file_that_is_not_in_the_bucket_is_an_error(run):
    outcome = run("reads/none.fastq")
    assert outcome.status != 0
    assert "has no file reads/none.fastq" in outcome.err
