"""Masked DNA from drop to fills; and a calibration from a pushed archive to the results of a job."""

import io
import json
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import pytest
from seqdrop.analyses import Analyses, packaged, parse
from seqdrop.calibration import Calibration
from seqdrop.jobs.models import push_archive
from seqdrop.jobs.transform import output_prefix
from seqdrop.shards import shard_name
from seqdrop.stages.finish import finish
from seqdrop.stages.start_transform import start_transform
from seqdrop.stages.validate import validate
from seqdrop.uploads import UploadVersion

MASKED = """
[analyses.masked]
prefix = "masked/"
formats = ["fasta"]
max_gb = 1
model = "m"
task = "masked"
k = 6
window = 30
stride = 30
strands = "+"
max_n_fraction = 0.5
[analyses.masked.job]
max_windows = 3
"""


@pytest.fixture
def services(services):
    """With the masked analysis, and a SageMaker whose jobs are done at once."""
    everything = Analyses({**packaged().by_name, **parse(MASKED).by_name})
    done = {"TransformJobStatus": "Completed"}
    sagemaker = SimpleNamespace(
        create_model=lambda **_: None, create_transform_job=lambda **_: None, describe_transform_job=lambda **_: done
    )
    return replace(services, analyses=everything, sagemaker=sagemaker)


def dropped(services, key: str, body: bytes) -> UploadVersion:
    answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    version = UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))
    validate(services, version)
    return version


def read(services, bucket: str, key: str) -> bytes:
    return services.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def answered(services, version: UploadVersion, answer) -> None:
    """A job for the upload's one attempt, whose container answers each work item by `answer`."""
    (attempt,) = services.ledger.attempts(version.id)
    start_transform(services, [attempt.key], [])
    name = services.ledger.attempt(attempt.key).job
    shard = shard_name(attempt.key, 0)
    items = map(json.loads, read(services, "work", f"shards/{version.id}/{shard}").splitlines())
    body = "".join(json.dumps(answer(item)) + "\n" for item in items)
    services.s3.put_object(Bucket="work", Key=f"{output_prefix(name)}{shard}.out", Body=body.encode())
    finish(services, name)
    assert services.ledger.attempt(attempt.key).state == "PREDICTED", services.ledger.attempt(attempt.key).reason


def test_runs_of_n_are_filled(services):
    push_archive(services.s3, "results", "m", model_archive(), "now")
    version = dropped(services, "masked/a.fa", b">c\n" + b"ACGT" * 10 + b"NN\n" + b"ACGT" * 10 + b"N\n>d\nACGT\n")
    fill = {"candidates": [{"bases": "A", "probability": 0.5}]}
    answered(
        services,
        version,
        lambda item: {
            "id": item["id"],
            "record": item["record"],
            "masks": [{"start": start, "end": end, **fill} for start, end in item["masks"]],
        },
    )
    prefix = f"results/masked/{version.id}/"
    rows = [json.loads(line) for line in read(services, "results", prefix + "fills.jsonl").splitlines()]
    assert [(row["record"], row["start"], row["end"]) for row in rows] == [("c", 40, 42), ("c", 82, 83)]
    told = json.loads(read(services, "results", prefix + "summary.json"))
    assert told["counts"]["windows"] == 2
    assert told["files"] == ["fills.jsonl", "fills.parquet"]


@pytest.mark.parametrize(
    ("body", "reason"), [(b">c\nACGT\n", "nothing_to_score"), (b">c\nANANANAN\n", "too_many_windows")]
)
def test_what_no_job_takes_is_refused_with_a_reason(services, body, reason):
    version = dropped(services, "masked/a.fa", body)
    assert services.ledger.upload(version.id).reason == reason
    assert services.ledger.attempts(version.id) == []


def model_archive(calibration: Calibration | None = None) -> bytes:
    members = {"config.json": json.dumps({"id2label": {"0": "other", "1": "promoter"}})}
    if calibration:
        members["calibration.json"] = calibration.as_json()
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return held.getvalue()


def test_a_job_keeps_the_calibration_of_the_model_it_was_planned_with(services):
    first, second = Calibration(1.0, -1.0, 0.5), Calibration(2.0, 0.0, 0.5)
    push_archive(services.s3, "results", "promoter-300", model_archive(first), "then")
    version = dropped(services, "contigs/a.fa", b">c\n" + b"ACGT" * 75 + b"\n")

    def answer(item):
        push_archive(services.s3, "results", "promoter-300", model_archive(second), "now")  # while the job runs
        windows = [{"start": 0, "end": 300, "strand": strand, "probability": 0.95} for strand in "+-"]
        return {"id": item["id"], "record": "c", "windows": windows}

    answered(services, version, answer)
    prefix = f"results/contigs/{version.id}/"
    row = json.loads(read(services, "results", prefix + "predictions.jsonl").splitlines()[0])
    assert row["calibrated"] == pytest.approx(first.scale(0.001)(0.95), rel=1e-3)
    told = json.loads(read(services, "results", prefix + "summary.json"))
    assert told["calibration"] == json.loads(first.as_json())
    assert told["prior"] == 0.001
