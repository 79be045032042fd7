"""A dropped data set is trained once by the real train.py, with two processes, and becomes a model."""

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
name = "made-up"  # the model of proteins/ is not replaced
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
def trained(aws, put, wait_for_end, data):
    """The final progress of a training's files, which were dropped in mixed order and announced twice."""
    versions = [put(f"training/demo/{name}", data[name]) for name in ("mask.fasta", "job.toml", "sequences.fasta")]
    for version in versions:
        send_again(aws, version)
    versions.append(put("training/demo/sampled.fasta", data["sampled.fasta"]))
    for version in versions:
        send_again(aws, version)
    return {upload.key.rsplit("/", 1)[1]: upload for upload in wait_for_end(*versions)}


def test_all_files_are_archived_with_receipts(trained, s3, stack):
    assert {name: (upload.state, upload.detail) for name, upload in trained.items()} == dict.fromkeys(
        ("mask.fasta", "job.toml", "sequences.fasta", "sampled.fasta"), ("ARCHIVED", "")
    )
    for upload in trained.values():
        assert read_json(s3, stack.results, f"receipts/{upload.upload_id}.json")["archive"]["storage_class"]


def test_there_is_one_training_job_with_its_metric(trained, aws):
    names = "seqdrop-training-" + trained["job.toml"].upload_id
    jobs = aws.client("sagemaker").list_training_jobs(NameContains=names)["TrainingJobSummaries"]
    assert len(jobs) == 1
    job = aws.client("sagemaker").describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])
    assert job["TrainingJobName"] == f"seqdrop-training-{trained['job.toml'].upload_id}-1"
    figures = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert figures["test:q3"] > 0.5


def test_the_model_is_registered_and_current(trained, s3, stack):
    pointer = read_json(s3, stack.models, "models/made-up/current.json")["current"]
    card = read_json(s3, stack.models, pointer["key"].replace("model.tar.gz", "card.json"))
    assert (pointer["digest"], pointer["figure"], pointer["labels"]) == (card["digest"], card["figure"], list("HEC"))
    assert card["distribution"]["processes"] == 2
    assert card["data"]["uploads"]["job.toml"] == trained["job.toml"].upload_id
    body = s3.get_object(Bucket=stack.models, Key=pointer["key"])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"config.json", "model.safetensors", "code/networks.py"} <= set(archive.getnames())
    summary = read_json(s3, stack.results, f"results/training/{trained['job.toml'].upload_id}/summary.json")
    assert (summary["current"], summary["version"]) == (True, pointer["version"])


def test_bad_data_is_rejected_as_a_whole(put, wait_for_end, data, s3, stack, aws):
    bad = data["sampled.fasta"].replace(b"H\n", b"\n", 1)
    names = {"sequences.fasta": data["sequences.fasta"], "sampled.fasta": bad, "mask.fasta": data["mask.fasta"]}
    uploads = wait_for_end(
        *[put(f"training/bad/{name}", body) for name, body in {**names, "job.toml": data["job.toml"]}.items()]
    )
    assert [(upload.state, upload.detail) for upload in uploads] == [("REJECTED", "length_mismatch")] * 4
    for upload in uploads:
        reason = read_json(s3, stack.results, f"reasons/{upload.upload_id}.json")
        assert (reason["code"], reason["counts"]) == ("length_mismatch", {"length_mismatch": 1})
        assert b"sequence" not in json.dumps(reason["errors"]).encode() or "residues" in reason["message"]
    jobs = aws.client("sagemaker").list_training_jobs(NameContains=uploads[-1].upload_id)["TrainingJobSummaries"]
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


def make_dna_data_set(generator: random.Random) -> bytes:
    """Return a data set in which promoters are rich in G and C, which a few steps can learn."""
    lines = ["sequence,label,split"]
    for split, count in (("train", 240), ("validation", 40), ("test", 40)):
        for number in range(count):
            label = number % 2
            lines.append(
                f"{''.join(generator.choices('ACGT', (1, 1 + 3 * label, 1 + 3 * label, 1), k=70))},{label},{split}"
            )
    return "\n".join(lines).encode() + b"\n"


@pytest.mark.long
def test_dnabert_is_trained_on_labelled_sequences(put, wait_for_end, s3, stack):
    drops = {"job.toml": DNA_JOB.encode(), "all.csv": make_dna_data_set(random.Random(6))}
    uploads = wait_for_end(*[put(f"training/dna/{name}", body) for name, body in drops.items()])
    assert [(upload.state, upload.detail) for upload in uploads] == [("ARCHIVED", "")] * 2
    pointer = read_json(s3, stack.models, "models/made-up-dna/current.json")["current"]
    assert pointer["figure"] > 0.5
    body = s3.get_object(Bucket=stack.models, Key=pointer["key"])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"config.json", "vocab.txt", "model.safetensors", "code/inference.py"} <= set(archive.getnames())
