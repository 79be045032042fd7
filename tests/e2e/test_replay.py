"""The commands for use after a failure (replay, release, redrive), on the deployed template."""

from __future__ import annotations

import json
import uuid

import pytest
from seqdrop.models.archives import push_archive
from seqdrop.stages.archive.cold_copy import archive_key
from seqdrop_cli.main import main

from local.deploy import push_seed
from local.testing import make_model_archive, wait_for
from tests.e2e.test_routes import make_other_model

CONTIG = b">c\n" + b"ACGTTGCATGCCGATC" * 40 + b"\n"
MODEL = "promoter-300"


@pytest.fixture
def command(target, tmp_path, monkeypatch, capsys):
    """Return a function that runs `seqdrop` in a folder with a stack file, as after `make demo KEEP=1`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    target.save()

    def run(*words: str) -> str:
        status = main(list(words))
        output = capsys.readouterr()
        assert status == 0, output
        return output.out + output.err

    return run


@pytest.fixture
def model(s3, stack):
    """Return a function that makes an archive the current model; the seed is restored afterwards."""
    yield lambda body: push_archive(s3, stack.models, MODEL, body, "2026-01-01T00:00:00Z")
    push_seed(s3, stack.models, MODEL)


def list_keys(s3, bucket: str, prefix: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def read_json(s3, bucket: str, key: str) -> dict:
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.mark.long
def test_failed_uploads_are_replayed_released_and_predicted_by_a_new_model(
    pipeline, model, command, repository, tmp_path
):
    put, wait_for_end, s3, stack = pipeline.put, pipeline.wait_for_end, pipeline.s3, pipeline.stack
    config = (repository / "model_code/dnabert/seeds" / MODEL / "config.json").read_text()
    model(make_model_archive({"config.json": config, "note": uuid.uuid4().hex}))  # no code, no weights
    versions = [put(f"contigs/replay/{name}.fasta", CONTIG) for name in "ab"]
    assert [entry.state for entry in wait_for_end(*versions)] == ["FAILED"] * 2
    assert len(list_keys(s3, stack.landing, "contigs/replay/")) == 2
    first, second = versions
    assert "a failed attempt" in command("status")  # other tests may have left some as well

    push_seed(s3, stack.models, MODEL)
    assert "2 of 2 would be replayed" in command("replay", "--run", "contigs/replay", "--state", "FAILED")
    assert "1 of 1 were replayed" in command("replay", first.id, "--yes")
    assert "1 of 1 were released" in command("release", second.id, "--yes")
    # `wait_for_end` treats a released upload as FAILED, which is a final state, until it is archived.
    wait_for(lambda: pipeline.target.ledger().require_upload(second.id).state == "ARCHIVED", timeout=60)
    replayed, released = wait_for_end(first, second)
    assert [entry.state for entry in (replayed, released)] == ["ARCHIVED"] * 2
    # If the two shared a job, it was split when it failed, so there may be one more failed attempt.
    failed = len(replayed.attempts) - 1
    assert [entry.state for entry in replayed.attempts] == ["FAILED"] * failed + ["PREDICTED"]
    assert failed in (1, 2)
    assert list_keys(s3, stack.landing, "contigs/replay/") == []
    assert "released without" in read_json(s3, stack.results, f"receipts/{second.id}.json")["predictions"]
    assert "predictions" not in read_json(s3, stack.results, f"receipts/{first.id}.json")
    assert list_keys(s3, stack.results, f"results/contigs/{second.id}/") == []

    assert "the current model has predicted it" in command("replay", first.id)
    model(make_other_model(repository, tmp_path))
    command("replay", "--run", "contigs/replay", "--state", "PREDICTED", "--yes")
    (again,) = wait_for_end(first)
    assert (again.state, [entry.number for entry in again.attempts][failed:]) == ("ARCHIVED", [failed + 1, failed + 2])
    digests = [
        read_json(s3, stack.results, f"results/contigs/{first.id}/attempt-{number}/summary.json")["model"]["sha256"]
        for number in (failed + 1, failed + 2)
    ]
    assert digests[0] != digests[1]
    assert list_keys(s3, stack.archive, archive_key(again.upload)) == [archive_key(again.upload)]


def test_dead_letters_are_sent_back(aws, target, command):
    sqs, queues = aws.client("sqs"), target.queues()
    sqs.send_message(QueueUrl=queues["ArchiveDeadLetters"], MessageBody=json.dumps({"upload": "none"}))
    assert "1 × upload" in command("redrive", "archive")
    assert "1 of 1 sent back" in command("redrive", "archive", "--yes")
    left = sqs.get_queue_attributes(
        QueueUrl=queues["ArchiveDeadLetters"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert left["Attributes"] == {"ApproximateNumberOfMessages": "0"}
