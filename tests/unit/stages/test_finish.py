"""A job's end: good outputs stand, missing ones fail, and nothing is settled twice."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from seqdrop.analyses import packaged
from seqdrop.jobs.transform import output_prefix
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.shards import shard_name
from seqdrop.stages.finish import finish
from seqdrop.uploads import UploadVersion

NAME = "seqdrop-contigs-x-1"
TRACKS = [f"track.{strand}.{suffix}" for strand in ("plus", "minus") for suffix in ("bedgraph", "bw")]
FILES = ["predictions.jsonl", "predictions.parquet", "calls.bed", "calls.gff3", *TRACKS]


@pytest.fixture
def job(services):
    """A started job with two members of two shards each; answers a function that gives SageMaker's status."""
    members = []
    for name in "ab":
        version = UploadVersion("landing", f"contigs/{name}", "v", 1, "e")
        services.ledger.create(Upload.received(version, "contigs"))
        plan = packaged().by_name["contigs"].as_json()
        attempt = Attempt("PLANNED", upload_id=version.id, analysis="contigs", shards=2, items=2, plan=plan)
        services.ledger.move(services.ledger.upload(version.id), "VALIDATED", attempt)
        members.append(services.ledger.attempt(attempt.key))
    planned = Job("PLANNED", name=NAME, analysis="contigs", members=[m.key for m in members], request="{}", model="m")
    services.ledger.claim(planned, members)
    services.ledger.move(services.ledger.job(NAME), "STARTED")
    return [member.key for member in members]


def told(services, status: str, **more):
    answer = {"TransformJobStatus": status, **more}
    return replace(services, sagemaker=SimpleNamespace(describe_transform_job=lambda TransformJobName: answer))


def put_outputs(services, key: str, lines_each: int = 1, folder: str = "deep/er/") -> None:
    for number in range(2):
        windows = [
            {"start": 150 * number, "end": 150 * number + 300, "strand": "+", "probability": 0.95},
            {"start": 150 * number, "end": 150 * number + 300, "strand": "-", "probability": 0.25},
        ]
        line = json.dumps({"id": f"{number}", "record": "c", "windows": windows}) + "\n"
        where = output_prefix(NAME) + folder + shard_name(key, number) + ".out"
        services.s3.put_object(Bucket="work", Key=where, Body=line.encode() * lines_each)


def read(services, key: str, name: str) -> str:
    upload = key.split("-")[0]
    return services.s3.get_object(Bucket="results", Key=f"results/contigs/{upload}/{name}")["Body"].read().decode()


def listed(services, key: str) -> list[dict]:
    upload = key.split("-")[0]
    return services.s3.list_objects_v2(Bucket="results", Prefix=f"results/contigs/{upload}/").get("Contents", [])


def states(services, job) -> list[str]:
    return [services.ledger.attempt(key).state for key in job]


def test_a_completed_job_brings_every_members_predictions_home(services, job, sent):
    for key in job:
        put_outputs(services, key)
    finish(told(services, "Completed"), NAME)
    assert states(services, job) == ["PREDICTED", "PREDICTED"]
    assert services.ledger.job(NAME).state == "DONE"
    rows = [json.loads(line) for line in read(services, job[0], "predictions.jsonl").splitlines()]
    assert [(row["strand"], row["probability"], row["call"]) for row in rows] == [
        ("+", 0.95, True),
        ("-", 0.25, False),
    ] * 2
    found = json.loads(read(services, job[0], "summary.json"))
    assert found["counts"]["calls"] == found["calls"]["windows"] == 2
    assert (found["calls"]["kept"], found["calls"]["scored_kb"]) == (
        1,
        0.9,
    )  # of neighbours one is kept, + and - are two
    assert found["files"] == sorted(FILES)
    assert {item["Key"].rsplit("/")[-1] for item in listed(services, job[0])} == {*FILES, "summary.json"}
    calls = [line.split("\t") for line in read(services, job[0], "calls.bed").splitlines() if line[0] != "#"]
    assert calls == [["c", "0", "300", "promoter", "950", "+", "0", "300", "0", "0.95", "."]]
    assert [(queue, body) for queue, body in sent] == [("archive_queue", {"upload": k.split("-")[0]}) for k in job]


def test_good_outputs_of_a_failed_job_stand(services, job, sent):
    put_outputs(services, job[0])
    finish(told(services, "Failed", FailureReason="one object could not be read"), NAME)
    assert states(services, job) == ["PREDICTED", "FAILED"]
    assert services.ledger.job(NAME).state == "FAILED"
    assert services.ledger.attempt(job[1]).reason == "one object could not be read"
    assert [queue for queue, _ in sent] == ["archive_queue", "topic"]


def test_an_output_with_too_few_lines_is_no_prediction(services, job):
    put_outputs(services, job[0], lines_each=0)
    put_outputs(services, job[1])
    finish(told(services, "Completed"), NAME)
    assert states(services, job) == ["FAILED", "PREDICTED"]
    assert "0 of 2 work items" in services.ledger.attempt(job[0]).reason
    assert listed(services, job[0]) == [], "incomplete results at the place of results"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"LABEL_1 0.9\n", "no known shape"),
        (b'{"label": "LABEL_1"}\n', "no known shape"),
        (b'{"id": "1", "record": "c", "windows": [{"start": 1}]}\n', "no known shape"),
        (b'{"id": "1", "error": {"code": "not_json", "message": "x"}}\n', "every work item with an error"),
    ],
)
def test_a_model_that_answers_otherwise_fails_the_attempt(services, job, line, message):
    for key in job:
        put_outputs(services, key)
        for number in range(2):
            where = output_prefix(NAME) + "deep/er/" + shard_name(key, number) + ".out"
            services.s3.put_object(Bucket="work", Key=where, Body=line)
    finish(told(services, "Completed"), NAME)
    assert states(services, job) == ["FAILED", "FAILED"]
    assert message in services.ledger.attempt(job[0]).reason


def test_told_again_it_only_sends_on(services, job, sent):
    for key in job:
        put_outputs(services, key)
    finish(told(services, "Completed"), NAME)
    before = [services.ledger.attempt(key) for key in job]
    finish(told(services, "Completed"), NAME)
    assert [services.ledger.attempt(key) for key in job] == before
    assert len(sent) == 4


def test_while_it_runs_nothing_happens(services, job, sent):
    finish(told(services, "InProgress"), NAME)
    assert states(services, job) == ["SUBMITTED", "SUBMITTED"]
    assert services.ledger.job(NAME).state == "STARTED"


def test_another_deployments_job_is_left_alone(services):
    finish(told(services, "Completed"), "seqdrop-somebody-elses")


def test_a_stopped_job_is_stopped(services, job):
    finish(told(services, "Stopped"), NAME)
    assert (services.ledger.job(NAME).state, states(services, job)) == ("STOPPED", ["FAILED", "FAILED"])
