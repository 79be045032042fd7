"""A FASTA of proteins dropped into the deployed pipeline: its structures, in every format; and DNA that is none."""

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

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


@pytest.fixture(scope="module")
def seed(repository):
    """What the seed says of a protein, asked without the pipeline."""
    folder = repository / "model_code" / "protein"
    sys.path.insert(0, str(folder))
    import networks

    return networks.load(folder / "seeds" / "cnn-ss3")


@pytest.fixture
def fetched(s3, stack, tmp_path):
    """All results of an upload, in a folder."""

    def fetch(one) -> Path:
        prefix = f"results/proteins/{one.upload_id}/"
        for item in s3.list_objects_v2(Bucket=stack.results, Prefix=prefix)["Contents"]:
            s3.download_file(stack.results, item["Key"], str(tmp_path / item["Key"].removeprefix(prefix)))
        return tmp_path

    return fetch


def test_proteins_become_structures(put, end, fetched, seed):
    source = random.Random(5)
    proteins = {
        "sp|P1|ONE": "M",
        "masked": "".join(source.choices(LETTERS + LETTERS.lower(), k=300)),
        "odd": "".join(source.choices(LETTERS, k=60)) + "UOXBZJ" + "".join(source.choices(LETTERS, k=60)),
        "long": "".join(source.choices(LETTERS, k=3_000)),
    }
    text = "".join(f">{name} about it\n{sequence}*\n" for name, sequence in proteins.items())
    (one,) = end(put("proteins/a few.faa", text.encode()))
    assert one.state == "ARCHIVED", one.detail
    folder = fetched(one)
    wanted = {name: sequence.upper() for name, sequence in proteins.items()}
    structures = read_three_line((folder / "structure.fasta").read_text())
    assert {name: sequence for name, sequence, _ in structures} == wanted
    rows = pyarrow.parquet.read_table(folder / "structure.parquet").to_pylist()
    assert "".join(row["ss"] for row in rows) == "".join(ss for _, _, ss in structures)
    assert all(row["pH"] + row["pE"] + row["pC"] == pytest.approx(1, abs=1e-6) for row in rows)
    for name in ("sp|P1|ONE", "masked", "odd"):
        (found,) = seed.probabilities([wanted[name]])
        told = [[row[f"p{state}"] for state in seed.classes] for row in rows if row["record"] == name]
        assert told == [pytest.approx(row, abs=2e-3) for row in found.tolist()]
    with tarfile.open(folder / "structure.ss2.tar.gz") as tar:
        files = {member.name: read_ss2(tar.extractfile(member).read().decode()) for member in tar.getmembers()}
    assert [len(lines) for lines in files.values()] == [len(sequence) for sequence in wanted.values()]
    assert "1_sp_P1_ONE.ss2" in files
    told = json.loads((folder / "summary.json").read_text())
    assert told["counts"] == {"proteins": 4, "residues": len(rows), "errors": {}}
    assert {*told["files"], "summary.json"} == {path.name for path in folder.iterdir()}


def test_dna_is_told_to_be_none(put, end, s3, stack):
    (one,) = end(put("proteins/genome.fa", b">chr1\n" + b"ACGTTGCANN" * 30 + b"\n"))
    assert one.state == "REJECTED"
    reason = json.loads(s3.get_object(Bucket=stack.results, Key=f"reasons/{one.upload_id}.json")["Body"].read())
    assert reason["code"] == "nucleotides_suspected"
    assert "contigs/" in reason["advice"]
