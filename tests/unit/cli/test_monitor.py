"""`seqdrop monitor baseline`: what files are like is counted here, and only the counts are uploaded."""

from __future__ import annotations

import json
from types import SimpleNamespace

import boto3
import pytest
from seqdrop.aws import keys
from seqdrop.monitoring.baseline import Baseline

from tests.unit.monitoring.species import reads

KEY = keys.own_baseline("reads", "batch")


@pytest.fixture
def s3(cloud, use_target):
    use_target(SimpleNamespace(results="results", client=boto3.client))
    return boto3.client("s3")


@pytest.fixture
def fastq(tmp_path):
    path = tmp_path / "secret name.fastq"
    path.write_text("".join(f"@r{n}\n{text}\n+\n{'I' * len(text)}\n" for n, text in enumerate(reads(120, seed=1))))
    return path


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text(
        "".join(json.dumps({"record": f"r{n}", "probability": 0.1, "call": False}) + "\n" for n in range(150))
    )
    return path


def stored(s3, key: str = KEY) -> Baseline:
    return Baseline.from_dict(json.loads(s3.get_object(Bucket="results", Key=key)["Body"].read()))


def test_the_counts_of_files_become_the_baseline(seqdrop, s3, fastq, results):
    outcome = seqdrop("monitor", "baseline", "reads", fastq, "--results", results)
    assert outcome.status == 0, outcome.err
    assert f"s3://results/{KEY}" in outcome.out
    baseline = stored(s3)
    assert (baseline.source, baseline.alphabet, baseline.digest) == ("sequences that the lab chose", "dna", "")
    assert (baseline.inputs.observations, baseline.predictions.observations) == (120, 150)
    text = s3.get_object(Bucket="results", Key=KEY)["Body"].read().decode()
    assert "secret" not in text
    assert reads(1, seed=1)[0][:12] not in text


def test_the_baseline_of_captured_requests_is_another_one(seqdrop, s3, results):
    assert seqdrop("monitor", "baseline", "reads", "--results", results, "--stream", "requests").status == 0
    assert stored(s3, keys.own_baseline("reads", "requests")).inputs is None


def test_it_can_be_removed(seqdrop, s3, fastq):
    assert seqdrop("monitor", "baseline", "reads", fastq).status == 0
    assert seqdrop("monitor", "baseline", "reads", "--remove").status == 0
    assert s3.list_objects_v2(Bucket="results", Prefix="monitoring/")["KeyCount"] == 0


def test_it_can_be_written_to_a_file_without_a_stack(seqdrop, fastq, tmp_path):
    assert seqdrop("monitor", "baseline", "reads", fastq, "-o", tmp_path / "baseline.json").status == 0
    assert Baseline.from_dict(json.loads((tmp_path / "baseline.json").read_text())).inputs.observations == 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "a.fa"], "there are contigs, embed"),
        (["raw", "a.fa"], "no analysis with a model has the name raw"),
        (["reads"], "name files"),
        (["reads", "a.fa", "--remove"], "name files"),
        (["reads", "absent.fa"], "does not exist"),
    ],
)
def test_mistakes_are_explained(seqdrop, s3, arguments, message):
    outcome = seqdrop("monitor", "baseline", *arguments)
    assert outcome.status == 2
    assert message in outcome.err


def test_a_file_without_predictions_is_refused(seqdrop, s3, tmp_path):
    for text in ("no JSON\n", '{"embedding": [1.0]}\n'):
        (tmp_path / "x.jsonl").write_text(text)
        assert seqdrop("monitor", "baseline", "reads", "--results", tmp_path / "x.jsonl").status == 2


def test_an_invalid_file_is_refused(seqdrop, s3, tmp_path):
    (tmp_path / "a.fastq").write_text("@r\nACGT\n+\nII\n")
    assert seqdrop("monitor", "baseline", "reads", tmp_path / "a.fastq").status != 0
    assert s3.list_objects_v2(Bucket="results")["KeyCount"] == 0
