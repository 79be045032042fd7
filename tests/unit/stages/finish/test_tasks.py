"""Masked DNA from drop to fills, and a calibration from a pushed archive to the results of a job."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest
from seqdrop.aws import keys
from seqdrop.config.analyses import Analyses
from seqdrop.kinds.plans import packaged, parse
from seqdrop.models.archives import push_archive
from seqdrop.models.calibration import Calibration
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.start_transform.start_transform import start_transform
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion
from seqdrop.work.items import shard_key

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
    """Return services with the masked analysis."""
    everything = Analyses({**packaged().by_name, **parse(MASKED).by_name})
    return replace(services, analyses=everything)


def dropped(services, key: str, body: bytes) -> UploadVersion:
    answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    version = UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))
    validate(services, version)
    return version


def read(services, bucket: str, key: str) -> bytes:
    return services.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def run_job(services, version: UploadVersion, answer) -> None:
    """Run a job for the upload's only attempt; its container returns `answer(item)` for each work item."""
    (attempt,) = services.ledger.attempts(version.id)
    start_transform(services, [attempt.key], [])
    name = services.ledger.find_attempt(attempt.key).job
    shard = keys.shard_name(attempt.key, 0)
    items = map(json.loads, read(services, "work", shard_key(attempt, 0)).splitlines())
    body = "".join(json.dumps(answer(item)) + "\n" for item in items)
    services.s3.put_object(Bucket="work", Key=f"{keys.job_output(name)}{shard}.out", Body=body.encode())
    services.sagemaker.service.end(name, "Completed")
    finish(services, name)
    assert services.ledger.find_attempt(attempt.key).state == "PREDICTED", services.ledger.find_attempt(
        attempt.key
    ).reason


def filled(item: dict) -> dict:
    """Return the prediction of the container for a work item."""
    fill = {"candidates": [{"bases": "A", "probability": 0.5}]}
    masks = [{"start": start, "end": end, **fill} for start, end in item["masks"]]
    return {"id": item["id"], "record": item["record"], "masks": masks}


def fills(services, version: UploadVersion) -> list[tuple]:
    lines = read(services, "results", f"results/masked/{version.id}/fills.jsonl").splitlines()
    return [(row["record"], row["start"], row["end"]) for row in map(json.loads, lines)]


def test_runs_of_n_are_filled(services):
    push_archive(services.s3, "models", "m", model_archive(), "now")
    version = dropped(services, "masked/a.fa", b">c\n" + b"ACGT" * 10 + b"NN\n" + b"ACGT" * 10 + b"N\n>d\nACGT\n")
    run_job(services, version, filled)
    assert fills(services, version) == [("c", 40, 42), ("c", 82, 83)]
    summary = json.loads(read(services, "results", f"results/masked/{version.id}/summary.json"))
    assert summary["counts"]["windows"] == 2
    assert summary["files"] == ["fills.jsonl", "fills.parquet"]
    assert "masks" not in summary


def test_masked_bases_are_returned_in_the_alphabet_of_each_record(services):
    push_archive(services.s3, "models", "m", model_archive(), "now")
    body = b">rna\n" + b"ACGU" * 10 + b"N\n>dna\n" + b"ACGT" * 10 + b"N\n>soft\n" + b"acgu" * 10 + b"n\n"
    version = dropped(services, "masked/a.fa", body)
    sequences = []

    def answer(item: dict) -> dict:
        sequences.append(item["sequence"].upper())
        fill = {"candidates": [{"bases": "T", "probability": 0.5}]}
        return {**filled(item), "masks": [{"start": start, "end": end, **fill} for start, end in item["masks"]]}

    run_job(services, version, answer)
    assert len(set(sequences)) == 1
    lines = read(services, "results", f"results/masked/{version.id}/fills.jsonl").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["record"], row["bases"]) for row in rows] == [("rna", "U"), ("dna", "T"), ("soft", "U")]
    qc = json.loads(read(services, "results", f"reports/{version.id}.json"))["qc"]
    assert (qc["alphabet"], qc["uracil"]) == ("mixed", 20)
    assert "RNA and DNA: U (20) is read as T" in read(services, "results", f"reports/{version.id}.html").decode()


@pytest.mark.parametrize("bed_first", [True, False])
def test_the_intervals_of_a_bed_are_filled_and_both_are_archived(services, sent, bed_first):
    push_archive(services.s3, "models", "m", model_archive(), "now")
    body, bed = b">c\n" + b"ACGT" * 10 + b"\n>d\n" + b"ACGT" * 10, b"d 3 5\nc 7 10 peak\n"
    files = {"masked/a.bed": bed, "masked/a.fa": body}
    versions = {key: dropped(services, key, files[key]) for key in sorted(files, reverse=not bed_first)}
    fasta, masks = versions["masked/a.fa"], versions["masked/a.bed"]
    validate(services, fasta)  # the message that the arrival of the BED sends
    run_job(services, fasta, filled)
    assert fills(services, fasta) == [("c", 7, 10), ("d", 3, 5)]
    summary = json.loads(read(services, "results", f"results/masked/{fasta.id}/summary.json"))
    place = {"id": masks.id, "key": "masked/a.bed", "version_id": masks.version_id}
    assert summary["masks"] == {**place, "sha256": hashlib.sha256(bed).hexdigest(), "stretches": 2}
    assert {body["upload"] for queue, body in sent if queue == "archive_queue"} == {fasta.id, masks.id}
    for version in (fasta, masks):
        archive(services, version.id)
        assert services.ledger.find_upload(version.id).state == "ARCHIVED"


def test_a_file_that_no_job_accepts_is_refused_with_a_reason(services):
    version = dropped(services, "masked/a.fa", b">c\nANANANAN\n")
    assert services.ledger.find_upload(version.id).reason == "too_many_windows"
    assert services.ledger.attempts(version.id) == []


def model_archive(calibration: Calibration | None = None) -> bytes:
    members = {"config.json": json.dumps({"id2label": {"0": "other", "1": "promoter"}})}
    if calibration:
        members["calibration.json"] = calibration.as_json()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_a_job_keeps_the_calibration_of_the_model_with_which_it_was_planned(services):
    first, second = Calibration(1.0, -1.0, 0.5), Calibration(2.0, 0.0, 0.5)
    push_archive(services.s3, "models", "promoter-300", model_archive(first), "then")
    version = dropped(services, "contigs/a.fa", b">c\n" + b"ACGT" * 75 + b"\n")

    def answer(item):
        push_archive(services.s3, "models", "promoter-300", model_archive(second), "now")  # while the job runs
        windows = [{"start": 0, "end": 300, "strand": strand, "probability": 0.95} for strand in "+-"]
        return {"id": item["id"], "record": "c", "windows": windows}

    run_job(services, version, answer)
    prefix = f"results/contigs/{version.id}/"
    row = json.loads(read(services, "results", prefix + "predictions.jsonl").splitlines()[0])
    assert row["calibrated"] == pytest.approx(first.scale(0.001)(0.95), rel=1e-3)
    summary = json.loads(read(services, "results", prefix + "summary.json"))
    assert summary["calibration"] == json.loads(first.as_json())
    assert summary["prior"] == 0.001
