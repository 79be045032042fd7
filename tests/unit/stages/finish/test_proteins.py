"""Proteins from drop to results; the real handler of the container runs on a tiny random model."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import tarfile
from dataclasses import replace

import pyarrow.parquet
import pytest
from seqdrop.aws import keys
from seqdrop.kinds.plans import parse
from seqdrop.models.archives import current_archive, push_archive
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.start_transform.start_transform import start_transform
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion
from seqdrop_cli.deploy.archive import pack_model

from tests.unit.results.proteins import read_ss2, read_three_line

FASTA = b">one\nM\n>two soft-masked\nmkvlUOXaag\nIVGLFW*\n>three\n" + b"ACDEFGHIKLMNPQRSTVWY" * 150 + b"\n"
LINES = "application/jsonlines"


@pytest.fixture(scope="module")
def handler(repository):
    """Import inference.py of model_code/protein, with its folder on the path."""
    import torch

    torch.set_num_threads(1)  # the model is tiny
    folder = repository / "model_code" / "protein"
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("protein_inference_of_stages", folder / "inference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(handler, tmp_path_factory):
    from tests.unit.model_code.protein.folders import tiny_folder

    return tiny_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def services(services, model):
    """Return services with the tiny model pushed."""
    push_archive(services.s3, "models", "structure", pack_model(model), "now")
    return services


def dropped(services, key: str, body: bytes) -> UploadVersion:
    answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    version = UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))
    validate(services, version)
    return version


def read(services, bucket: str, key: str) -> bytes:
    return services.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def predicted(services, handler, model, version: UploadVersion, monkeypatch) -> None:
    """Run the job of the upload's only attempt as the container does."""
    (attempt,) = services.ledger.attempts(version.id)
    start_transform(services, [attempt.key], [])
    name = services.ledger.find_attempt(attempt.key).job
    request = json.loads(services.ledger.find_job(name).request)
    for variable, value in request["Environment"].items():
        monkeypatch.setenv(variable, value)
    ready = handler.model_fn(str(model))
    for number in range(attempt.shards):
        shard = keys.shard_name(attempt.key, number)
        body = read(services, "work", f"shards/{version.id}/{shard}")
        text = handler.output_fn(handler.predict_fn(handler.input_fn(body, LINES), ready), LINES)
        services.s3.put_object(Bucket="work", Key=f"{keys.job_output(name)}{shard}.out", Body=text.encode())
    services.sagemaker.service.end(name, "Completed")
    finish(services, name)
    assert services.ledger.find_attempt(attempt.key).state == "PREDICTED", services.ledger.find_attempt(
        attempt.key
    ).reason


def test_proteins_become_structures(services, handler, model, monkeypatch):
    monkeypatch.setattr("seqdrop.work.examine.MEGABYTE", 100)
    version = dropped(services, "proteins/three.faa", FASTA)
    upload = services.ledger.find_upload(version.id)
    assert (upload.state, upload.records) == ("VALIDATED", 3)
    (attempt,) = services.ledger.attempts(version.id)
    assert (attempt.shards, attempt.items) == (3, 3)
    predicted(services, handler, model, version, monkeypatch)
    prefix = f"results/proteins/{version.id}/"
    structures = read_three_line(read(services, "results", prefix + "structure.fasta").decode())
    assert [(name, sequence) for name, sequence, _ in structures] == [
        ("one", "M"),
        ("two", "MKVLUOXAAGIVGLFW"),
        ("three", "ACDEFGHIKLMNPQRSTVWY" * 150),
    ]
    body = io.BytesIO(read(services, "results", prefix + "structure.parquet"))
    rows = pyarrow.parquet.read_table(body).to_pylist()
    assert "".join(row["ss"] for row in rows) == "".join(ss for _, _, ss in structures)
    with tarfile.open(fileobj=io.BytesIO(read(services, "results", prefix + "structure.ss2.tar.gz"))) as tar:
        files = {member.name: read_ss2(tar.extractfile(member).read().decode()) for member in tar.getmembers()}
    assert {name: len(lines) for name, lines in files.items()} == {"1_one.ss2": 1, "2_two.ss2": 16, "3_three.ss2": 3000}
    summary = json.loads(read(services, "results", prefix + "summary.json"))
    assert summary["counts"] == {"proteins": 3, "residues": 3017, "errors": {}}
    assert sum(summary["structure"]["composition"].values()) == pytest.approx(1, abs=1e-3)
    archive = current_archive(services.s3, "models", "structure")
    assert (summary["model"]["sha256"], archive.labels) == (archive.digest, ("H", "E", "C"))
    assert summary["parameters"] == {"model": "structure", "task": "structure", "window": None, "overlap": 128}
    assert summary["upload"]["sha256"] == upload.sha256


def test_the_report_counts_residues(services):
    version = dropped(services, "proteins/three.faa", FASTA)
    report = json.loads(read(services, "results", f"reports/{version.id}.json"))
    assert report["qc"]["residue_counts"]["W"] == 151
    assert [item["code"] for item in report["warnings"]] == ["stop_codon"]
    page = read(services, "results", f"reports/{version.id}.html").decode()
    assert "Amino acids" in page
    assert "bp" not in page.split("</style>")[1]
    assert "All 3 records go" in page


def test_dna_is_rejected_as_not_protein(services):
    version = dropped(services, "proteins/genome.fa", b">chr1\n" + b"ACGTTGCANN" * 30 + b"\n")
    upload = services.ledger.find_upload(version.id)
    assert (upload.state, upload.reason) == ("REJECTED", "nucleotides_suspected")
    reason = json.loads(read(services, "results", f"reasons/{version.id}.json"))
    assert "contigs/" in reason["advice"]


def test_more_residues_than_a_lambda_can_import_are_refused(services):
    proteins = services.analyses.by_name["proteins"]
    few = replace(proteins, job=replace(proteins.job, max_windows=3_016))
    version = dropped(
        replace(services, analyses=replace(services.analyses, by_name={"p": few})), "proteins/a.fa", FASTA
    )
    assert services.ledger.find_upload(version.id).reason == "too_many_windows"


def test_embeddings(services, handler, model, monkeypatch):
    text = '[analyses.vectors]\nprefix = "proteins/embed/"\nformats = ["fasta"]\nalphabet = "protein"\nmax_gb = 1\n'
    both = {**services.analyses.by_name, **parse(text + 'task = "embed"\nmodel = "structure"\n').by_name}
    services = replace(services, analyses=replace(services.analyses, by_name=both))
    version = dropped(services, "proteins/embed/three.faa", FASTA)
    predicted(services, handler, model, version, monkeypatch)
    body = io.BytesIO(read(services, "results", f"results/vectors/{version.id}/embeddings.parquet"))
    rows = pyarrow.parquet.read_table(body).to_pylist()
    assert [(row["record"], row["length"], len(row["embedding"])) for row in rows] == [
        ("one", 1, 16),
        ("two", 16, 16),
        ("three", 3000, 16),
    ]
