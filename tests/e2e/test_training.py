"""A dropped data set is trained once by the real train.py, with two processes, and becomes a candidate.

The job.toml asks for what a hostile person would: the name of the model of proteins/, no bar, and a comparison with a
model that was tested on other records. Only a person's command makes the model the current one.
"""

from __future__ import annotations

import io
import json
import random
import tarfile

import pytest
from seqdrop.runtime.events import make_landed_message
from seqdrop_cli.main import main

from local.proteins import encode_data_set, make_proteins

JOB = """
model = "cnn"
task = "ss3"
name = "structure"  # what proteins/ uses
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
min_q3 = 0
any_test = true
"""
POINTER = "models/structure/current.json"


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def send_again(aws, version) -> None:
    url = next(url for url in aws.client("sqs").list_queues()["QueueUrls"] if "ValidateQueue" in url)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(make_landed_message(version)))


@pytest.fixture(scope="module")
def data() -> dict[str, bytes]:
    return encode_data_set(make_proteins(random.Random(5)), JOB)


@pytest.fixture(scope="module")
def seed_pointer(s3, stack) -> dict:
    """The pointer to the model of proteins/ before the training."""
    return read_json(s3, stack.models, POINTER)


@pytest.fixture
def models_command(target, monkeypatch, capsys):
    """Return a function that runs `seqdrop models` on the stack, and returns what it prints."""
    monkeypatch.setattr("seqdrop_cli.target.find_target", lambda _: target)

    def run(*words: str) -> str:
        status = main(["models", *words])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return captured.out

    return run


@pytest.fixture(scope="module")
def trained(aws, seed_pointer, put, wait_for_end, data):
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


def test_the_model_is_a_candidate_and_the_current_model_is_unchanged(trained, seed_pointer, s3, stack):
    summary = read_json(s3, stack.results, f"results/training/{trained['job.toml'].upload_id}/summary.json")
    assert (summary["model"], summary["current"]) == ("structure", False)
    assert "not measured on the same test split" in summary["why"]
    assert read_json(s3, stack.models, POINTER) == seed_pointer
    card = read_json(s3, stack.models, f"models/structure/{summary['version']}/card.json")
    assert card["labels"] == list("HEC")
    assert card["gate"] == {"passed": False, "why": summary["why"]}
    assert card["distribution"]["processes"] == 2
    assert card["data"]["uploads"]["job.toml"] == trained["job.toml"].upload_id
    body = s3.get_object(Bucket=stack.models, Key=f"models/structure/{summary['version']}/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"config.json", "model.safetensors", "code/networks.py"} <= set(archive.getnames())


def test_a_person_promotes_it_and_returns_to_the_previous_model(trained, seed_pointer, s3, stack, models_command):
    summary = read_json(s3, stack.results, f"results/training/{trained['job.toml'].upload_id}/summary.json")
    version = summary["version"]
    assert "repeat the command with --yes" in models_command("promote", "structure", version)
    assert read_json(s3, stack.models, POINTER) == seed_pointer
    command, group, *words = summary["promote"].split()
    assert (command, group) == ("seqdrop", "models")
    assert f"structure is now {version}" in models_command(*words)
    pointer = read_json(s3, stack.models, POINTER)
    assert (pointer["current"]["version"], pointer["history"]) == (
        version,
        [seed_pointer["current"], *seed_pointer["history"]],
    )
    assert pointer["current"]["by"].startswith("arn:aws:")
    assert version in models_command("history", "structure").splitlines()[0]
    models_command("rollback", "structure", "--yes")
    assert read_json(s3, stack.models, POINTER)["current"]["digest"] == seed_pointer["current"]["digest"]


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
    summary = read_json(s3, stack.results, f"results/training/{uploads[0].upload_id}/summary.json")
    assert (summary["card"]["figure"] > 0.5, summary["passed"], summary["current"]) == (True, True, False)
    key = f"models/made-up-dna/{summary['version']}/model.tar.gz"
    body = s3.get_object(Bucket=stack.models, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"config.json", "vocab.txt", "model.safetensors", "code/inference.py"} <= set(archive.getnames())
