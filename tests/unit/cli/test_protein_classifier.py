"""ProtBERT with a head for secondary structure, as transformers saves it: packaged as it predicts, or refused."""

from __future__ import annotations

import itertools
import json
import sys
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from seqdrop_cli.deploy.archive import pack_model, unpack
from seqdrop_cli.deploy.model_package import Packaging, package_model
from seqdrop_cli.deploy.protein_classifier import is_protein_bert
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.deploy.weights import read_shapes, rename_tensors
from seqdrop_cli.main import main

from tests.unit.cli.folders import change_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"LAGVESIKRDTPNQFYMHCWXUBZO"]
NAMES = ("C", "E", "H")
NAMES_8 = tuple("CSTHGIEB")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def untried(monkeypatch):
    monkeypatch.setattr("seqdrop_cli.deploy.model_package.try_model", lambda *_: "not tried")


@pytest.fixture
def make(tmp_path) -> Callable[..., Path]:
    """Return a function that saves a small random checkpoint of a transformers class, with named classes."""
    import transformers

    def save(names: tuple[str, ...] | None = NAMES, kind: str = "BertForTokenClassification", **changes) -> Path:
        sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 32}
        settings = {"vocab_size": 30, "max_position_embeddings": 40, "initializer_range": 0.4, **sizes, **changes}
        labels = {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}} if names else {}
        torch.manual_seed(3)
        folder = tmp_path / "protbert"
        getattr(transformers, kind)(transformers.BertConfig(**settings, **labels)).save_pretrained(folder)
        (folder / "vocab.txt").write_text("\n".join(TOKENS) + "\n")
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
        return folder

    return save


def expected_probabilities(folder: Path, sequence: str) -> np.ndarray:
    """Return what transformers predicts for the residues of a sequence, (residues, classes)."""
    import transformers

    model = transformers.BertForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    ids = [2, *(TOKENS.index(letter if letter not in "UZOBJ" else "X") for letter in sequence), 3]
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits.softmax(-1)[0, 1:-1].numpy()


def packed_probabilities(repository: Path, body: bytes, sequence: str) -> tuple[str, np.ndarray]:
    """Return the classes and the probabilities of an archive's model."""
    path = str(repository / "model_code" / "protein")
    sys.path[:0] = [path, str(repository / "model_code")]
    import networks

    with unpack(body) as folder:
        model = networks.load(folder)
    return model.classes, model.probabilities([sequence])[0]


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})


# ---------------------------------------------------------------- accepted


def to_pickle(folder: Path) -> None:
    """Early checkpoints: a pickle, other names of LayerNorm, a pooler, and positions as a buffer."""
    tensors = load_file(folder / "model.safetensors")
    early = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in tensors.items()}
    early |= {"bert.embeddings.position_ids": torch.arange(40)[None], "bert.pooler.dense.bias": torch.zeros(16)}
    torch.save(early, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def to_half(folder: Path) -> None:
    change_tensors(folder, lambda tensors: {name: tensor.half() for name, tensor in tensors.items()})


def to_transformers_5(folder: Path) -> None:
    """A tokenizer.json and no vocab.txt."""
    transformers = pytest.importorskip("transformers", minversion="5")
    tokenizer = transformers.BertTokenizer.from_pretrained(folder, do_lower_case=False)
    (folder / "vocab.txt").unlink()
    tokenizer.save_pretrained(folder)
    assert not (folder / "vocab.txt").exists()


def without_architecture(folder: Path) -> None:
    change_config(folder, architectures=None, model_type=None)


@pytest.mark.parametrize("change", [None, to_pickle, to_half, to_transformers_5, without_architecture])
def test_an_archive_predicts_what_transformers_predicts(make, repository, change):
    folder, sequence = make(), "MKVLAGUXWHCJZOBYFTDER"
    expected = expected_probabilities(folder, sequence)
    if change:
        change(folder)
    classes, probabilities = packed_probabilities(repository, pack_model(folder), sequence)
    assert classes == "CEH"
    assert np.abs(probabilities - expected).max() < (5e-3 if change is to_half else 1e-5)
    assert expected.std() > 0.05


@pytest.mark.parametrize(
    ("names", "labels", "classes"),
    [
        (("H", "E", "C"), (), "HEC"),
        (("h", "e", "c"), (), "HEC"),
        (("helix", "strand", "coil"), (), "HEC"),
        (("L", "H", "E"), (), "CHE"),
        (NAMES_8, (), "CSTHGIEB"),
        (tuple("LSTHGIEB"), (), "CSTHGIEB"),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("E", "H", "C"), "EHC"),
        (None, ("C", "H"), None),
        (("x", "y", "z"), ("E", "C", "H"), "ECH"),
    ],
)
def test_classes_are_named_by_the_config_or_the_command_line(untried, make, names, labels, classes):
    folder, lines = make(names), []
    packaging = Packaging(labels=labels, report=lines.append)
    if classes is None:
        with pytest.raises(UnsuitableModelError, match="2 classes, named C, H"):
            package_model(str(folder), packaging)
        return
    package_model(str(folder), packaging)
    task = "ss8" if len(classes) == 8 else "ss3"
    assert lines[-1] == f"protbert, {task}: classes {classes}, windows of up to 38 residues"


def test_a_window_is_bounded_where_positions_are_many(untried, make):
    lines = []
    package_model(str(make(max_position_embeddings=4000)), Packaging(report=lines.append))
    assert lines[-1].endswith("windows of up to 1024 residues")


@pytest.mark.parametrize("task", [[], ["--task", "structure"], ["--task", "embed"]])
def test_the_command_packages_and_predicts(make, tmp_path, capsys, task):
    folder, file = make(), tmp_path / "three.faa"
    file.write_text(">a\nMKVLAJX\n>b\n" + "ACDEFGHIKLMNPQRSTVWY" * 5 + "\n")
    archive = tmp_path / "m.tar.gz"
    assert main(["package-model", str(folder), *task, "-o", str(archive)]) == 0
    assert "the packaged handler predicted 7 made-up proteins" in capsys.readouterr().out
    with tarfile.open(archive) as tar:
        assert {"config.json", "vocab.txt", "model.safetensors", "code/inference.py"} <= set(tar.getnames())
    assert main(["predict", str(file), "--model", str(folder), *task, "-o", str(tmp_path / "out")]) == 0
    assert "2 proteins in" in capsys.readouterr().out


def test_the_same_folder_gives_the_same_bytes(make):
    folder = make()
    assert pack_model(folder) == pack_model(folder)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("LABEL_0", "LABEL_1", "LABEL_2"), "3 classes, without names.*--labels in the order"),
        (("A", "B", "C"), "3 classes, named A, B, C;"),
        (("H", "E"), "has 2 classes, named H, E"),
        (("H", "E", "C", "PAD"), "has 4 classes"),
        (("H", "H", "C"), "has 3 classes, named"),
    ],
)
def test_classes_that_are_not_structure_are_refused(make, names, message):
    with pytest.raises(UnsuitableModelError, match=message):
        pack_model(make(names))


@pytest.mark.parametrize("task", [None, "structure", "embed"])
@pytest.mark.parametrize("kind", ["BertForMaskedLM", "BertModel"])
def test_a_protbert_without_a_head_is_for_training(make, kind, task):
    folder = make(None, kind)
    with pytest.raises(UnsuitableModelError, match=r"ProtBERT without a head.*seqdrop training weights NAME"):
        package_model(str(folder), Packaging(task))


@pytest.mark.parametrize("architecture", [True, False])
def test_a_head_for_whole_proteins_is_refused(make, architecture):
    folder = make(NAMES, "BertForSequenceClassification")
    if not architecture:
        change_config(folder, architectures=None)
    with pytest.raises(UnsuitableModelError, match="classifies whole proteins.*BertForTokenClassification"):
        pack_model(folder)


@pytest.mark.parametrize("surplus", ["crf.transitions", "classifier.dense.weight", "lstm.weight_ih_l0"])
def test_a_head_with_more_layers_is_refused(make, surplus):
    folder = make()
    change_tensors(folder, lambda tensors: tensors | {surplus: torch.zeros(3, 3)})
    with pytest.raises(UnsuitableModelError, match=f"more than one linear layer: {surplus} would not be used"):
        pack_model(folder)


def test_a_tokenizer_in_lower_case_is_refused(make):
    folder = make()
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    with pytest.raises(UnsuitableModelError, match=r"lower case, so every token is \[UNK\]"):
        pack_model(folder)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([token for token in TOKENS if token != "X"], "the vocabulary lacks X"),
        ([token for token in TOKENS if token != "[CLS]"], r"lacks \[CLS\]"),
        ([*TOKENS, "J"], "has 31 tokens, 31 of them different, and the model 30"),
        ([*TOKENS[:-1], "A"], "has 30 tokens, 29 of them different"),
    ],
)
def test_vocabularies_that_do_not_fit_are_refused(make, tokens, message):
    folder = make()
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    with pytest.raises(UnsuitableModelError, match=message):
        pack_model(folder)


def test_weights_that_do_not_fit_the_config_are_refused(make):
    folder = make()
    change_config(folder, num_hidden_layers=3)
    with pytest.raises(UnsuitableModelError, match="not those of a plain BERT of the size in config.json"):
        pack_model(folder)


def test_other_tasks_and_archives_are_refused_in_words(make, tmp_path, capsys):
    folder = make()
    assert main(["package-model", str(folder), "--task", "promoter", "-o", str(tmp_path / "m.tar.gz")]) == 2
    assert "this is a model of proteins; its tasks are" in capsys.readouterr().err
    archive = tmp_path / "folder.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, ".")
    with pytest.raises(UnsuitableModelError, match="not packaged; unpack it"):
        package_model(str(archive), Packaging())


def test_a_prott5_is_for_training(make):
    folder = make()
    change_config(folder, model_type="t5")
    with pytest.raises(UnsuitableModelError, match=r"describes a t5 model.*If it is ProtT5, train a head"):
        package_model(str(folder), Packaging("structure"))


# ---------------------------------------------------------------- recognition and names


@pytest.mark.parametrize(
    ("tokens", "is_protein"),
    [
        (TOKENS, True),
        ([*TOKENS, "J", "[unused0]", "-", "."], True),
        ([*TOKENS, "the", "of"], False),  # an English BERT has all single letters as well
        ([*TOKENS[:5], *map("".join, itertools.product("ACGT", repeat=3))], False),
        ([*TOKENS[:5], *"ACGT"], False),
        ([*TOKENS[:5], *(token.lower() for token in TOKENS[5:])], False),
    ],
)
def test_a_protein_model_is_known_by_its_tokens(tmp_path, tokens, is_protein):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "vocab.txt").write_text("\n".join(tokens) + "\n")
    assert is_protein_bert(tmp_path) is is_protein


def test_broken_folders_are_not_recognised(tmp_path):
    assert not is_protein_bert(tmp_path)
    (tmp_path / "config.json").write_text("{")
    assert not is_protein_bert(tmp_path)


def test_tensors_are_renamed_and_left_out_without_a_change_of_their_values(tmp_path):
    tensors = {"a": torch.arange(3), "b": torch.rand(2, 3), "c": torch.rand(5).half(), "d": torch.tensor([True])}
    save_file(tensors, tmp_path / "x")
    (tmp_path / "y").write_bytes(rename_tensors((tmp_path / "x").read_bytes(), {"a": "z", "c": "c", "d": "e"}.get))
    renamed = load_file(tmp_path / "y")
    assert set(renamed) == {"z", "c", "e"}
    assert all(torch.equal(renamed[new], tensors[old]) for old, new in {"a": "z", "c": "c", "d": "e"}.items())


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 99]},
        {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]},
        {"dtype": "F32", "shape": [1]},
        {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]},
        [],
    ],
)
def test_weights_with_a_damaged_header_are_refused(entry):
    header = json.dumps({"a": entry}).encode()
    body = len(header).to_bytes(8, "little") + header + bytes(4)
    with pytest.raises(UnsuitableModelError, match="damaged"):
        read_shapes(body)
