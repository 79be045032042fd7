"""`seqdrop package-model`: an archive is tested before it is written; the same folder gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import pickle
import tarfile

import boto3
import numpy as np
import pytest
from safetensors.numpy import load, load_file
from seqdrop.models.archives import archive_labels
from seqdrop_cli.deploy.archive import pack_model
from seqdrop_cli.deploy.model_package import Packaging, package_model
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.main import main
from seqdrop_cli.target import Target

from tests.unit.cli.folders import change_config, change_weights, with_language_head


def files_of(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the handler's process; the models are tiny


@pytest.fixture
def untried(monkeypatch):
    """Skip the trial, which takes seconds, in tests of something else."""
    monkeypatch.setattr("seqdrop_cli.deploy.model_package.try_model", lambda *_: "not tried")


# ---------------------------------------------------------------- archives


def test_an_archive_contains_only_what_the_container_needs(folder, repository):
    for name in ("optimizer.pt", "tf_model.h5", "requirements.txt", "tokenizer.json.bak", "training_args.bin"):
        (folder / name).write_bytes(b"not for the container")
    files = files_of(pack_model(folder))
    code = {f"code/{path.name}" for path in (repository / "model_code/dnabert").glob("*.py")} - {"code/train.py"}
    code |= {f"code/common/{path.name}" for path in (repository / "model_code/common").glob("*.py")}
    kept = {"config.json", "vocab.txt", "model.safetensors", "README.md", "figures.json", "calibration.json"}
    assert set(files) == code | kept
    assert files["model.safetensors"] == (folder / "model.safetensors").read_bytes()


def test_the_same_files_give_the_same_bytes(folder):
    first = pack_model(folder)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert pack_model(folder) == first
    assert pack_model(folder, labels=("no", "yes")) != first


def test_a_code_folder_without_a_handler_is_refused(folder, tmp_path):
    with pytest.raises(UnsuitableModelError, match="--code"):
        pack_model(folder, tmp_path)


def test_a_pytorch_bin_becomes_safetensors(folder):
    import torch

    before = load_file(folder / "model.safetensors")
    tensors = {name: torch.from_numpy(value) for name, value in before.items()}
    for name in [name for name in tensors if "LayerNorm" in name]:  # the names in early checkpoints
        new = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        tensors[new] = tensors.pop(name)
    tensors["tied"] = tensors["bert.embeddings.word_embeddings.weight"]
    torch.save(tensors, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    after = load(files_of(pack_model(folder))["model.safetensors"])
    assert set(after) == {*before, "tied"}
    assert all(np.array_equal(after[name], before[name]) for name in before)


class Harmful:
    def __reduce__(self):
        return os.mkdir, (os.environ["HARM"],)


def test_a_pickle_that_would_run_code_is_not_opened(folder, tmp_path, monkeypatch):
    harm = tmp_path / "harm"
    monkeypatch.setenv("HARM", str(harm))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Harmful()}, protocol=2))
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnsuitableModelError, match="more than weights"):
        pack_model(folder)
    assert not harm.exists()


# ---------------------------------------------------------------- the command


def test_a_folder_becomes_an_archive_that_predicts(folder, tmp_path, capsys):
    change_config(folder, id2label=None, label2id=None)
    out = tmp_path / "model.tar.gz"
    assert main(["package-model", str(folder), "--labels", "no", "core promoter", "-o", str(out)]) == 0
    output, body = capsys.readouterr().out, out.read_bytes()
    assert f"sha256 {hashlib.sha256(body).hexdigest()}" in output
    assert "the packaged handler predicted 8 made-up sequences of 70 bases (promoter)" in output
    assert "classes: no, core promoter" in output
    assert archive_labels(body) == ("no", "core promoter")
    assert body == pack_model(folder, labels=("no", "core promoter"))


@pytest.mark.long
@pytest.mark.parametrize("k", [3, 6])
def test_a_folder_of_dnaberts_authors_predicts(tmp_path, k):
    """Their repositories have their own code in `auto_map`, and weights in a pickle."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map("".join, itertools.product("ATCG", repeat=k))]
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, initializer_range=0.5
    )
    torch.save(BertForSequenceClassification(config).state_dict(), tmp_path / "pytorch_model.bin")
    config.save_pretrained(tmp_path)
    code = {"AutoConfig": "configuration_bert.BertConfig", "AutoModel": "dnabert_layer.DNABertModel"}
    change_config(tmp_path, auto_map=code, architectures=["DNABertForSequenceClassification"], model_type="bert")
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n")
    lines = []
    body = package_model(str(tmp_path), Packaging(labels=("no", "yes"), report=lines.append))
    assert lines[1] == f"{k}-mers, windows of up to {510 + k - 1} bases, classes: no, yes"
    assert "auto_map" not in json.loads(files_of(body)["config.json"])


def test_classes_without_names_are_reported(untried, folder, tmp_path, capsys):
    change_config(folder, id2label={"0": "LABEL_0", "1": "LABEL_1"}, label2id={"LABEL_0": 0, "LABEL_1": 1})
    assert main(["package-model", str(folder), "-o", str(tmp_path / "m.tar.gz")]) == 0
    assert "has no names for the classes" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize("task", ["masked", "embed"])
def test_an_archive_is_tested_with_each_task(folder, task):
    lines = []
    body = package_model(str(with_language_head(folder)), Packaging(task, report=lines.append))
    assert lines[0].startswith("the packaged handler predicted ")
    assert lines[0].endswith(f"({task})")
    assert json.loads(files_of(body)["config.json"])["architectures"] == ["BertForMaskedLM"]


def test_a_model_that_predicts_the_same_for_any_sequence_is_refused(folder, tmp_path, capsys):
    def forget(tensors: dict) -> None:
        tensors["classifier.weight"] = np.zeros_like(tensors["classifier.weight"])

    change_weights(folder, forget)
    out = tmp_path / "m.tar.gz"
    assert main(["package-model", str(folder), "-o", str(out)]) == 2
    assert "returns the same prediction for every sequence" in capsys.readouterr().err
    assert not out.exists()


def test_a_handler_that_does_not_load_is_not_packaged(folder, tmp_path, capsys):
    code = tmp_path / "code"
    code.mkdir()
    (code / "inference.py").write_text("import seqdrop_of_the_checkout\n")
    assert main(["package-model", str(folder), "--code", str(code), "-o", str(tmp_path / "m.tar.gz")]) == 2
    assert "failed to load: ModuleNotFoundError" in capsys.readouterr().err


def test_a_source_that_is_neither_folder_nor_hub_id_is_refused(tmp_path, capsys):
    assert main(["package-model", str(tmp_path / "absent"), "-o", "m.tar.gz"]) == 2
    assert "neither a folder, nor a model.tar.gz, nor an id" in capsys.readouterr().err
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    assert main(["package-model", str(tmp_path / "x.tar.gz"), "-o", "m.tar.gz"]) == 2
    assert "is not a model.tar.gz" in capsys.readouterr().err


# ---------------------------------------------------------------- the hub


def test_a_hub_that_cannot_be_reached_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main(["package-model", "no-lab/no-such-dnabert", "-o", "m.tar.gz"]) == 2
    error = capsys.readouterr().err
    assert "no-lab/no-such-dnabert cannot be downloaded from the Hugging Face hub" in error
    assert "hf download no-lab/no-such-dnabert --local-dir my-model" in error


def test_a_hub_id_is_packaged_like_its_folder(untried, folder, monkeypatch):
    downloads = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: downloads.append((a, k)) or str(folder))
    assert package_model("lab/dnabert-promoter", Packaging()) == pack_model(folder)
    ((name,), options) = downloads[0]
    assert name == "lab/dnabert-promoter"
    assert {"config.json", "vocab.txt", "pytorch_model.bin"} <= set(options["allow_patterns"])


# ---------------------------------------------------------------- models push and show


@pytest.fixture
def bucket(cloud, use_target):
    """Create the models bucket of a stack that commands find."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    names = dict.fromkeys(("landing", "work", "results", "archive", "table"), "none")
    use_target(Target("us-east-1", models="models", **names))
    return s3


def test_a_pushed_model_is_shown(untried, bucket, seed, tmp_path, capsys):
    archive = tmp_path / "m.tar.gz"
    archive.write_bytes(pack_model(seed))
    assert main(["models", "push", "promoter-70", str(archive)]) == 0
    assert main(["models", "show", "promoter-70"]) == 0
    output = capsys.readouterr().out
    assert f"sha256 {hashlib.sha256(archive.read_bytes()).hexdigest()}" in output
    assert "classes: not core promoter, core promoter" in output


def test_an_archive_gets_labels_when_it_is_pushed(untried, bucket, seed, tmp_path, capsys):
    archive = tmp_path / "m.tar.gz"
    archive.write_bytes(pack_model(seed))
    assert main(["models", "push", "m", str(archive), "--labels", "other", "enhancer"]) == 0
    assert main(["models", "show", "m"]) == 0
    assert "classes: other, enhancer" in capsys.readouterr().out


def test_an_unsuitable_folder_is_not_pushed(bucket, folder, capsys):
    (folder / "vocab.txt").write_text((folder / "vocab.txt").read_text().lower())
    assert main(["models", "push", "m", str(folder)]) == 2
    assert "lower case" in capsys.readouterr().err
    assert "Contents" not in bucket.list_objects_v2(Bucket="models")
