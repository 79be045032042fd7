"""A drop of a data set becomes a model: by the real train.py, with two processes, once."""

from __future__ import annotations

import io
import json
import random
import tarfile

import pytest
from seqdrop.runtime.events import make_landed_message

from local.proteins import encode_data_set, make_proteins

JOB = """
model = "cnn"
task = "ss3"
name = "made-up"  # what proteins/ uses stays as it is
[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"
[train]
epochs = 3
tokens_per_batch = 1500
max_length = 256
learning_rate = 4e-3
[distribution]
profile = "fsdp"
processes_per_host = 2
[instance]
type = "ml.m5.xlarge"
[gate]
min_q3 = 0.5
any_test = true
"""


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def send_again(aws, version) -> None:
    url = next(url for url in aws.client("sqs").list_queues()["QueueUrls"] if "ValidateQueue" in url)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))


@pytest.fixture(scope="module")
def data() -> dict[str, bytes]:
    return encode_data_set(make_proteins(random.Random(5)), JOB)


@pytest.fixture(scope="module")
def trained(aws, put, end, data):
    """Where the files of a training ended that were dropped in mixed order, each told of twice."""
    versions = [put(f"training/demo/{name}", data[name]) for name in ("mask.fasta", "job.toml", "sequences.fasta")]
    for version in versions:
        send_again(aws, version)
    versions.append(put("training/demo/sampled.fasta", data["sampled.fasta"]))
    for version in versions:
        send_again(aws, version)
    return {one.key.rsplit("/", 1)[1]: one for one in end(*versions)}


def test_all_of_it_is_archived_with_receipts(trained, s3, stack):
    assert {name: (one.state, one.detail) for name, one in trained.items()} == dict.fromkeys(
        ("mask.fasta", "job.toml", "sequences.fasta", "sampled.fasta"), ("ARCHIVED", "")
    )
    for one in trained.values():
        assert read_json(s3, stack.results, f"receipts/{one.upload_id}.json")["archive"]["storage_class"]


def test_it_trained_once_with_two_processes(trained, aws):
    names = "seqdrop-training-" + trained["job.toml"].upload_id
    found = aws.client("sagemaker").list_training_jobs(NameContains=names)["TrainingJobSummaries"]
    assert len(found) == 1
    job = aws.client("sagemaker").describe_training_job(TrainingJobName=found[0]["TrainingJobName"])
    assert job["TrainingJobName"] == f"seqdrop-training-{trained['job.toml'].upload_id}-1"
    figures = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    assert figures["test:q3"] > 0.5


def test_the_model_is_registered_and_current(trained, s3, stack):
    pointer = read_json(s3, stack.results, "models/made-up/current.json")["current"]
    card = read_json(s3, stack.results, pointer["key"].replace("model.tar.gz", "card.json"))
    assert (pointer["digest"], pointer["figure"], pointer["labels"]) == (card["digest"], card["figure"], list("HEC"))
    assert card["distribution"]["processes"] == 2
    assert card["data"]["uploads"]["job.toml"] == trained["job.toml"].upload_id
    body = s3.get_object(Bucket=stack.results, Key=pointer["key"])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"config.json", "model.safetensors", "code/networks.py"} <= set(archive.getnames())
    summary = read_json(s3, stack.results, f"results/training/{trained['job.toml'].upload_id}/summary.json")
    assert (summary["current"], summary["version"]) == (True, pointer["version"])


def test_bad_data_is_rejected_as_a_whole(put, end, data, s3, stack, aws):
    bad = data["sampled.fasta"].replace(b"H\n", b"\n", 1)
    names = {"sequences.fasta": data["sequences.fasta"], "sampled.fasta": bad, "mask.fasta": data["mask.fasta"]}
    found = end(*[put(f"training/bad/{name}", body) for name, body in {**names, "job.toml": data["job.toml"]}.items()])
    assert [(one.state, one.detail) for one in found] == [("REJECTED", "length_mismatch")] * 4
    for one in found:
        reason = read_json(s3, stack.results, f"reasons/{one.upload_id}.json")
        assert (reason["code"], reason["counts"]) == ("length_mismatch", {"length_mismatch": 1})
        assert b"sequence" not in json.dumps(reason["errors"]).encode() or "residues" in reason["message"]
    jobs = aws.client("sagemaker").list_training_jobs(NameContains=found[-1].upload_id)["TrainingJobSummaries"]
    assert jobs == []


DNA_JOB = """
model = "dnabert"
name = "made-up-dna"
[data]
format = "csv"
file = "all.csv"
[train]
epochs = 6
[instance]
type = "ml.m5.xlarge"
[gate]
min_mcc = 0.5
"""


def dna(source: random.Random) -> bytes:
    """Sequences rich in G and C are promoters here; what a few steps can learn."""
    lines = ["sequence,label,split"]
    for split, count in (("train", 240), ("validation", 40), ("test", 40)):
        for number in range(count):
            label = number % 2
            lines.append(
                f"{''.join(source.choices('ACGT', (1, 1 + 3 * label, 1 + 3 * label, 1), k=70))},{label},{split}"
            )
    return "\n".join(lines).encode() + b"\n"


@pytest.mark.long
def test_dnabert_is_trained_on_labelled_sequences(put, end, s3, stack):
    drops = {"job.toml": DNA_JOB.encode(), "all.csv": dna(random.Random(6))}
    found = end(*[put(f"training/dna/{name}", body) for name, body in drops.items()])
    assert [(one.state, one.detail) for one in found] == [("ARCHIVED", "")] * 2
    pointer = read_json(s3, stack.results, "models/made-up-dna/current.json")["current"]
    assert pointer["figure"] > 0.5
    body = s3.get_object(Bucket=stack.results, Key=pointer["key"])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"config.json", "vocab.txt", "model.safetensors", "code/inference.py"} <= set(archive.getnames())
