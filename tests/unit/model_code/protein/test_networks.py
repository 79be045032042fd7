"""The structure model: what it says does not depend on its company, and comes back from its folder."""

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
from records import Piece
from safetensors.torch import load_file, save_file

SEQUENCES = ["MKVAUZ", "ACDEFGHIKL" * 4, "", "W"]


def build(model: str, head: str, checkpoints, window: int = 60) -> networks.StructureModel:
    torch.manual_seed(5)
    letters = alphabet.own()
    encoder = encoders.new(model, letters.size) if model == "cnn" else encoders.pretrained(model, checkpoints[model])
    if model != "cnn":
        letters = alphabet.of_checkpoint(model, checkpoints[model])
    described = networks.Description(model, "ss8", networks.CLASSES["ss8"], head, window, letters)
    return networks.new_model(encoder, described).eval()


@pytest.fixture(params=[(model, head) for model in encoders.NAMES for head in ("linear", "cnn")], ids="-".join)
def model(request, checkpoints) -> networks.StructureModel:
    return build(*request.param, checkpoints)


def test_a_saved_model_says_the_same(model, tmp_path):
    networks.save(model, tmp_path)
    found = networks.load(tmp_path)
    assert (found.classes, found.longest) == ("GHIBESTC", 60)
    for one, other in zip(found.probabilities(SEQUENCES), model.probabilities(SEQUENCES), strict=True):
        np.testing.assert_array_equal(one, other)


def test_probabilities_have_a_row_a_residue_whatever_the_company(model):
    found = model.probabilities(SEQUENCES)
    assert [one.shape for one in found] == [(len(sequence), 8) for sequence in SEQUENCES]
    for sequence, one in zip(SEQUENCES, found, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(one, model.probabilities([sequence])[0], atol=1e-5)


def test_a_residue_changes_what_is_said_of_its_neighbour(model):
    """Through encoder or head; but for ProtBERT and ProtT5 with any head, and for the convolutions."""
    one, other = model.probabilities(["MKVAL", "MWVAL"])
    assert abs(one[2] - other[2]).max() > 1e-6


def test_nothing_longer_than_the_window_is_taken(model, checkpoints):
    with pytest.raises(ValueError, match="sequence 1 has 61 residues, the model sees 60"):
        model.probabilities(["M", "M" * 61])
    if model.description.model == "protbert":
        assert build("protbert", "linear", checkpoints, window=500).longest == 126


def test_the_loss_of_a_step_does_not_depend_on_how_it_is_cut(model):
    pieces = [Piece(0, "MKVA", "HH-C"), Piece(1, "ACDEFG", "EEEEEE"), Piece(2, "W", "-")]
    collate = Collate(model)
    whole = model(**collate(pieces), num_items_in_batch=torch.tensor(9))["loss"]
    parts = [model(**collate([piece]), num_items_in_batch=torch.tensor(9))["loss"] for piece in pieces]
    assert whole.item() == pytest.approx(sum(part.item() for part in parts), rel=1e-5)
    assert whole.item() == pytest.approx(model(**collate(pieces))["loss"].item(), rel=1e-5)


def test_a_frozen_encoder_neither_learns_nor_drops(model):
    model.freeze_encoder()
    model.train()
    assert not model.encoder.training
    assert model.head.training
    model(**Collate(model)([Piece(0, "MKVA", "HHCC")]))["loss"].backward()
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
    with pytest.raises(ValueError, match="model.safetensors is not of this config.json: head"):
        networks.load(tmp_path)


def test_a_folder_of_something_else_is_refused(checkpoints):
    with pytest.raises(ValueError, match="has no key seqdrop"):
        networks.load(checkpoints["protbert"])


@pytest.mark.parametrize(("key", "value"), [("model", "dnabert"), ("task", "ss9"), ("window", 0), ("head", "mlp")])
def test_an_unfit_description_is_refused(key, value, checkpoints, tmp_path):
    networks.save(build("cnn", "linear", checkpoints), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["seqdrop"][key] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"{key} is {value!r}; it must be"):
        networks.load(tmp_path)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 500), max_size=40), st.integers(1, 1000))
def test_passes_hold_each_sequence_once_within_bounds(lengths, most):
    found = list(networks.passes(lengths, most))
    assert sorted(place for places in found for place in places) == [n for n, length in enumerate(lengths) if length]
    for places in found:
        assert len(places) == 1 or len(places) * max(lengths[place] for place in places) <= most
