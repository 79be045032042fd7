"""Proteins in the deployed pipeline: structures in every format; DNA is rejected."""

from __future__ import annotations

import json
import random
import sys
import tarfile
from typing import TYPE_CHECKING

import pyarrow.parquet
import pytest

from tests.unit.results.proteins import read_ss2, read_three_line

if TYPE_CHECKING:
    from pathlib import Path

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


@pytest.fixture(scope="module")
def seed(repository):
    """The seed model, called without the pipeline."""
    folder = repository / "model_code" / "protein"
    sys.path.insert(0, str(folder))
    import networks

    return networks.load(folder / "seeds" / "cnn-ss3")


@pytest.fixture
def download(s3, stack, tmp_path):
    """Return a function that downloads all results of an upload to a folder."""

    def fetch(upload) -> Path:
        prefix = f"results/proteins/{upload.upload_id}/"
        for item in s3.list_objects_v2(Bucket=stack.results, Prefix=prefix)["Contents"]:
            s3.download_file(stack.results, item["Key"], str(tmp_path / item["Key"].removeprefix(prefix)))
        return tmp_path

    return fetch


def test_structures_of_proteins_are_predicted(put, wait_for_end, download, seed):
    generator = random.Random(5)
    proteins = {
        "sp|P1|ONE": "M",
        "masked": "".join(generator.choices(RESIDUES + RESIDUES.lower(), k=300)),
        "odd": "".join(generator.choices(RESIDUES, k=60)) + "UOXBZJ" + "".join(generator.choices(RESIDUES, k=60)),
        "long": "".join(generator.choices(RESIDUES, k=3_000)),
    }
    text = "".join(f">{name} about it\n{sequence}*\n" for name, sequence in proteins.items())
    (upload,) = wait_for_end(put("proteins/a few.faa", text.encode()))
    assert upload.state == "ARCHIVED", upload.detail
    folder = download(upload)
    sequences = {name: sequence.upper() for name, sequence in proteins.items()}
    structures = read_three_line((folder / "structure.fasta").read_text())
    assert {name: sequence for name, sequence, _ in structures} == sequences
    rows = pyarrow.parquet.read_table(folder / "structure.parquet").to_pylist()
    assert "".join(row["ss"] for row in rows) == "".join(ss for _, _, ss in structures)
    assert all(row["pH"] + row["pE"] + row["pC"] == pytest.approx(1, abs=1e-6) for row in rows)
    for name in ("sp|P1|ONE", "masked", "odd"):
        (expected,) = seed.probabilities([sequences[name]])
        content = [[row[f"p{state}"] for state in seed.classes] for row in rows if row["record"] == name]
        assert content == [pytest.approx(row, abs=2e-3) for row in expected.tolist()]
    with tarfile.open(folder / "structure.ss2.tar.gz") as tar:
        files = {member.name: read_ss2(tar.extractfile(member).read().decode()) for member in tar.getmembers()}
    assert [len(lines) for lines in files.values()] == [len(sequence) for sequence in sequences.values()]
    assert "1_sp_P1_ONE.ss2" in files
    content = json.loads((folder / "summary.json").read_text())
    assert content["counts"] == {"proteins": 4, "residues": len(rows), "errors": {}}
    assert {*content["files"], "summary.json", "index.html"} == {path.name for path in folder.iterdir()}


def test_dna_is_rejected_as_protein(put, wait_for_end, s3, stack):
    (upload,) = wait_for_end(put("proteins/genome.fa", b">chr1\n" + b"ACGTTGCANN" * 30 + b"\n"))
    assert upload.state == "REJECTED"
    reason = json.loads(s3.get_object(Bucket=stack.results, Key=f"reasons/{upload.upload_id}.json")["Body"].read())
    assert reason["code"] == "nucleotides_suspected"
    assert "contigs/" in reason["advice"]
