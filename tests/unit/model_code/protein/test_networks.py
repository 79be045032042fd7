"""The structure model: predictions do not depend on the batch, and a saved model can be loaded."""

from __future__ import annotations

import json

import alphabet
import encoders
import networks
import numpy as np
import pytest
import torch
from batches import Collate
from hypothesis import given, settings
from hypothesis import strategies as st
from records import TrainingWindow
from safetensors.torch import load_file, save_file

SEQUENCES = ["MKVAUZ", "ACDEFGHIKL" * 4, "", "W"]


def build(model: str, head: str, checkpoints, window: int = 60) -> networks.StructureModel:
    torch.manual_seed(5)
    residues = alphabet.own_alphabet()
    encoder = (
        encoders.new_encoder(residues.size) if model == "cnn" else encoders.load_pretrained(model, checkpoints[model])
    )
    if model != "cnn":
        residues = alphabet.read_alphabet(model, checkpoints[model])
    description = networks.Description(model, "ss8", networks.CLASSES["ss8"], head, window, residues)
    return networks.new_model(encoder, description).eval()


@pytest.fixture(params=[(model, head) for model in encoders.NAMES for head in ("linear", "cnn")], ids="-".join)
def model(request, checkpoints) -> networks.StructureModel:
    return build(*request.param, checkpoints)


def test_a_saved_model_has_the_same_probabilities(model, tmp_path):
    networks.save(model, tmp_path)
    loaded = networks.load(tmp_path)
    assert (loaded.classes, loaded.longest) == ("GHIBESTC", 60)
    for values, expected in zip(loaded.probabilities(SEQUENCES), model.probabilities(SEQUENCES), strict=True):
        np.testing.assert_array_equal(values, expected)


def test_probabilities_have_a_row_per_residue_and_do_not_depend_on_the_batch(model):
    results = model.probabilities(SEQUENCES)
    assert [values.shape for values in results] == [(len(sequence), 8) for sequence in SEQUENCES]
    for sequence, values in zip(SEQUENCES, results, strict=True):
        assert values.dtype == np.float32
        np.testing.assert_allclose(values.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(values, model.probabilities([sequence])[0], atol=1e-5)


def test_a_residue_changes_the_probabilities_of_its_neighbour(model):
    """Through the encoder or the head, for every model and head."""
    first, second = model.probabilities(["MKVAL", "MWVAL"])
    assert abs(first[2] - second[2]).max() > 1e-6


def test_a_sequence_longer_than_the_window_is_refused(model, checkpoints):
    with pytest.raises(ValueError, match="sequence 1 has 61 residues; the model takes 60"):
        model.probabilities(["M", "M" * 61])
    if model.description.model == "protbert":
        assert build("protbert", "linear", checkpoints, window=500).longest == 126


def test_the_loss_of_a_step_does_not_depend_on_its_micro_batches(model):
    windows = [TrainingWindow(0, "MKVA", "HH-C"), TrainingWindow(1, "ACDEFG", "EEEEEE"), TrainingWindow(2, "W", "-")]
    collate = Collate(model)
    whole = model(**collate(windows), num_items_in_batch=torch.tensor(9))["loss"]
    parts = [model(**collate([window]), num_items_in_batch=torch.tensor(9))["loss"] for window in windows]
    assert whole.item() == pytest.approx(sum(part.item() for part in parts), rel=1e-5)
    assert whole.item() == pytest.approx(model(**collate(windows))["loss"].item(), rel=1e-5)


def test_a_frozen_encoder_has_no_gradients_and_no_dropout(model):
    model.freeze_encoder()
    model.train()
    assert not model.encoder.training
    assert model.head.training
    model(**Collate(model)([TrainingWindow(0, "MKVA", "HHCC")]))["loss"].backward()
    assert all(weight.grad is None for weight in model.encoder.parameters())
    assert all(weight.grad is not None for weight in model.head.parameters())


@pytest.mark.parametrize("change", ["drop", "shape", "more"])
def test_weights_that_do_not_fit_are_refused(change, checkpoints, tmp_path):
    networks.save(build("cnn", "linear", checkpoints), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    changed = {"drop": {}, "shape": {"head.bias": torch.zeros(3)}, "more": {"head.scale": torch.zeros(8)}}[change]
    if change == "drop":
        del weights["head.bias"]
    save_file(weights | changed, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="model.safetensors does not match this config.json: head"):
        networks.load(tmp_path)


def test_a_folder_of_another_model_is_refused(checkpoints):
    with pytest.raises(ValueError, match="has no key seqdrop"):
        networks.load(checkpoints["protbert"])


@pytest.mark.parametrize(("key", "value"), [("model", "dnabert"), ("task", "ss9"), ("window", 0), ("head", "mlp")])
def test_an_invalid_description_is_refused(key, value, checkpoints, tmp_path):
    networks.save(build("cnn", "linear", checkpoints), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["seqdrop"][key] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"{key} is {value!r}; it must be"):
        networks.load(tmp_path)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 500), max_size=40), st.integers(1, 1000))
def test_passes_contain_each_sequence_once_within_bounds(lengths, most):
    passes = list(networks.split_passes(lengths, most))
    assert sorted(index for indices in passes for index in indices) == [n for n, length in enumerate(lengths) if length]
    for indices in passes:
        assert len(indices) == 1 or len(indices) * max(lengths[index] for index in indices) <= most
