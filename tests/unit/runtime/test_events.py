"""Each shape of event is parsed; the examples are in events/."""

import json

import pytest
from seqdrop.runtime.events import (
    UnknownEventError,
    make_job_ended_message,
    make_landed_message,
    parse_finished_job,
    parse_landed_versions,
)
from seqdrop.sagemaker.client import JOB_TYPES
from seqdrop.uploads import UploadVersion


@pytest.fixture
def bodies(repository):
    def read(name: str) -> list[dict]:
        event = json.loads((repository / f"events/{name}.json").read_text())
        return [json.loads(record["body"]) for record in event["Records"]]

    return read


def test_eventbridge_keys_are_not_decoded(bodies):
    (version,) = parse_landed_versions(bodies("validate-eventbridge")[0])
    assert version == UploadVersion(
        bucket="seqdrop-landing",
        key="reads/run 1/S1+é_R1_001.fastq.gz",
        version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        size=5120,
        etag="b57f9512698f4b09e608f4f2a65852e5",
        sequencer="617f08299329d189",
    )


def test_records_are_decoded_and_ordered_by_sequencer(bodies):
    versions = parse_landed_versions(bodies("validate-records")[0])
    assert [version.key for version in versions] == ["reads/run 1/S1+é_R1_001.fastq.gz", "contigs/assembly 1+2.fasta"]


def test_both_shapes_of_one_event_are_one_upload(bodies):
    from_bridge = parse_landed_versions(bodies("validate-eventbridge")[0])[0]
    from_records = parse_landed_versions(bodies("validate-records")[0])[0]
    assert from_bridge.id == from_records.id


def test_a_missing_version_id_becomes_null(bodies):
    body = bodies("validate-eventbridge")[0]
    del body["detail"]["object"]["version-id"]
    assert parse_landed_versions(body)[0].version_id == "null"


def test_deletions_and_s3s_test_message_yield_nothing(bodies):
    body = bodies("validate-eventbridge")[0] | {"detail-type": "Object Deleted"}
    records = bodies("validate-records")[0]
    for record in records["Records"]:
        record["eventName"] = "ObjectRemoved:Delete"
    for nothing in (body, records, {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}):
        assert parse_landed_versions(nothing) == []


@pytest.mark.parametrize("body", [{}, {"Records": [{"eventSource": "aws:sns"}]}, {"source": "aws.ec2"}])
def test_other_shapes_are_refused(body):
    with pytest.raises(UnknownEventError):
        parse_landed_versions(body)


@pytest.mark.parametrize(
    ("event", "kind", "name"),
    [
        ("finish", "Transform", "seqdrop-reads"),
        ("finish-processing", "Processing", "seqdrop-examine"),
        ("finish-training", "Training", "seqdrop-training"),
    ],
)
def test_the_name_of_a_job_that_ended_is_returned(bodies, event, kind, name):
    body = bodies(event)[0]
    assert parse_finished_job(body) == f"{name}-ABCDEFGHIJKLMNOPQRSTUVWX27-1"
    body["detail"][f"{kind}JobStatus"] = "InProgress"
    assert parse_finished_job(body) is None
    with pytest.raises(UnknownEventError):
        parse_finished_job(body | {"detail-type": "SageMaker Endpoint State Change"})


def test_messages_of_the_reconciler_are_parsed():
    version = UploadVersion("b", "reads/a b+é", "v", 3, "e", "0A")
    assert parse_landed_versions(make_landed_message(version)) == [version]
    for task in JOB_TYPES:
        assert parse_finished_job(make_job_ended_message("seqdrop-x", task)) == "seqdrop-x"
