"""`seqdrop predict`, `package-model` and `validate` on proteins."""

from __future__ import annotations

import json
import sys
import tarfile

import pyarrow.parquet
import pytest
from seqdrop_cli import local_model
from seqdrop_cli.deploy.protein_checkpoint import is_protein
from seqdrop_cli.main import main

from tests.unit.results.proteins import read_ss2, read_three_line

PROTEINS = {"one": "M", "two": "MKVLUOXAAGIVGLFW", "three": "ACDEFGHIKLMNPQRSTVWY" * 150}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def model(repository, tmp_path_factory):
    sys.path.insert(0, str(repository / "model_code" / "protein"))
    from tests.unit.model_code.protein.folders import tiny_folder

    return tiny_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "three.faa"
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in PROTEINS.items()))
    return path


def refused(capsys, *arguments) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    return capsys.readouterr().err


def test_proteins_are_predicted_as_in_the_pipeline(cold, model, file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(local_model, "BATCH", 150)  # so that several requests are made
    out = tmp_path / "out"
    assert main(["predict", str(file), "--model", str(model), "-o", str(out)]) == 0
    assert "3 proteins in" in capsys.readouterr().out
    structures = read_three_line((out / "structure.fasta").read_text())
    assert {name: sequence for name, sequence, _ in structures} == PROTEINS
    table = pyarrow.parquet.read_table(out / "structure.parquet").to_pylist()
    assert "".join(row["ss"] for row in table) == "".join(ss for _, _, ss in structures)
    with tarfile.open(out / "structure.ss2.tar.gz") as tar:
        lines = [line for member in tar.getmembers() for line in read_ss2(tar.extractfile(member).read().decode())]
    assert [state for _, state, *_ in lines] == [row["ss"] for row in table]
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["complete"], summary["counts"]["proteins"], summary["selection"]["taken"]) == (True, 3, 3)


@pytest.mark.long
def test_a_packaged_archive_gives_embeddings(model, file, tmp_path):
    archive, out = tmp_path / "model.tar.gz", tmp_path / "out"
    assert main(["package-model", str(model), "-o", str(archive)]) == 0
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert {"config.json", "model.safetensors", "code/inference.py", "code/networks.py"} <= set(names)
    assert "code/train.py" not in names
    assert main(["predict", str(file), "--model", str(archive), "--task", "embed", "-o", str(out)]) == 0
    table = pyarrow.parquet.read_table(out / "embeddings.parquet").to_pylist()
    assert [(row["record"], row["length"]) for row in table] == [(name, len(text)) for name, text in PROTEINS.items()]


def test_a_broken_protein_model_is_not_packaged(model, tmp_path, capsys):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "config.json").write_bytes((model / "config.json").read_bytes())
    weights = load_file(model / "model.safetensors")
    save_file({name: tensor * float("nan") for name, tensor in weights.items()}, folder / "model.safetensors")
    ask = ("package-model", folder, "-o", tmp_path / "m.tar.gz")
    assert "the model is broken" in refused(capsys, *ask)
    (folder / "model.safetensors").unlink()
    assert "has no model.safetensors" in refused(capsys, *ask)
    assert not (tmp_path / "m.tar.gz").exists()


def test_options_that_do_not_suit_a_protein_model_are_refused(model, file, tmp_path, capsys, repository):
    assert is_protein(model)
    ask = ("predict", file, "--model", model, "-o", tmp_path / "out")
    assert "--threshold is for DNA models" in refused(capsys, *ask, "--threshold", 0.5)
    assert "the analysis contigs is for DNA" in refused(capsys, *ask, "--analysis", "contigs")
    assert "up to 50 residues, not of 51" in refused(capsys, *ask, "--window", 51)
    assert "this is a model of proteins" in refused(capsys, *ask, "--task", "masked")
    assert "--labels are for" in refused(capsys, "package-model", model, "--labels", "a", "b", "-o", tmp_path / "m")
    dna = repository / "model_code/dnabert/seeds/promoter-70"
    ask = ("predict", file, "--model", dna, "-o", tmp_path / "out")
    assert "this is a model of DNA" in refused(capsys, *ask, "--analysis", "proteins")
    assert "this is a model of DNA" in refused(capsys, *ask, "--task", "structure", "--window", 70)


def test_dna_is_not_predicted_by_a_protein_model(model, tmp_path, capsys):
    file = tmp_path / "genome.fa"
    file.write_text(">chr1\n" + "ACGTT" * 40 + "\n")
    assert main(["predict", str(file), "--model", str(model), "-o", str(tmp_path / "out")]) == 1
    output = capsys.readouterr().out
    assert "is not valid, so nothing is predicted: " in output
    assert f"`seqdrop validate {file} --alphabet protein` reports all its errors" in output
    assert not (tmp_path / "out").exists()


def test_proteins_are_validated_with_their_alphabet(file, capsys):
    assert main(["validate", str(file)]) == 1
    assert "protein_suspected" in capsys.readouterr().out
    assert main(["validate", str(file), "--alphabet", "protein"]) == 0
    assert "3 records, 3,017 residues" in capsys.readouterr().out
