"""The protein handler: a prediction for every line, long proteins in windows, and broken models refused."""

from __future__ import annotations

import base64
import json
import random

import networks
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from protein_items import LONGEST, UNIT
from protein_windows import ProteinWindowSettings
from safetensors.torch import load_file, save_file

from tests.support.model_code import load_module
from tests.unit.model_code.protein.folders import tiny_folder

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
LINES = "application/jsonlines"


def protein(length: int, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices(RESIDUES, k=length))


def item(sequence: str, number: int = 1) -> dict:
    return {"id": f"u:{number}:0", "record": f"p{number}", "alphabet": "protein", "sequence": sequence}


def predict_items(inference, model, *items) -> list[dict]:
    body = b"\n".join(item if isinstance(item, bytes) else json.dumps(item).encode() for item in items)
    text = inference.output_fn(inference.predict_fn(inference.input_fn(body, LINES), model), LINES)
    return [json.loads(line) for line in text.split("\n")]


def units(prediction: dict) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(prediction["probabilities"]), "<u2")
    return values.reshape(len(prediction["labels"]), len(prediction["classes"]))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Use one thread: small models are slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def inference():
    return load_module("protein", "inference")


@pytest.fixture(scope="session", params=["cnn", "protbert", "prott5"])
def folder(request, tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def cnn(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("cnn"))


@pytest.fixture(scope="session")
def structure(inference, cnn):
    return inference.model_fn(str(cnn))


def test_a_short_protein_has_the_models_probabilities(inference, folder):
    model, sequences = networks.load(folder), [protein(length, length) for length in (1, 7, 50)]
    predictions = predict_items(inference, inference.model_fn(str(folder)), *map(item, sequences))
    for prediction, expected in zip(predictions, model.probabilities(sequences), strict=True):
        np.testing.assert_allclose(units(prediction) / UNIT, expected, atol=2e-4)
        assert [prediction["classes"][place] for place in units(prediction).argmax(1)] == list(prediction["labels"])


def test_a_long_protein_agrees_with_the_whole_protein_far_from_cuts(inference, tmp_path):
    """The convolutions see six residues to either side, so predictions agree 12 residues from the edges of windows."""
    windows, whole = tiny_folder(tmp_path / "a", window=50), tiny_folder(tmp_path / "b", window=5_000)
    sequence = protein(3_000)
    (prediction,) = predict_items(inference, inference.model_fn(str(windows)), item(sequence))
    (expected,) = networks.load(whole).probabilities([sequence])
    error = abs(units(prediction) / UNIT - expected).max(axis=1)
    assert (units(prediction).sum(axis=1) == UNIT).all()
    assert error.max() < 0.2
    assert np.quantile(error, 0.5) < 2e-3


def test_titin_is_predicted(inference, structure):
    (prediction,) = predict_items(inference, structure, item(protein(35_213)))
    assert len(prediction["labels"]) == 35_213
    assert len(json.dumps(prediction)) < 6_000_000


def test_letters_other_than_the_twenty_are_x(inference, structure):
    plain, odd = protein(40), "UZOBJ"
    for place, rare_residue in enumerate(odd):
        rare, unknown = (plain[:place] + residue + plain[place + 1 :] for residue in (rare_residue, "X"))
        assert predict_items(inference, structure, item(rare)) == predict_items(inference, structure, item(unknown))
    assert predict_items(inference, structure, item(plain.lower())) == predict_items(inference, structure, item(plain))


@settings(max_examples=25)
@given(lengths=st.lists(st.integers(1, 140), min_size=1, max_size=12), overlap=st.integers(0, 30))
def test_items_of_one_request_are_predicted_as_in_separate_requests(inference, structure, lengths, overlap):
    model = structure._replace(windows=ProteinWindowSettings(50, overlap))
    items = [item(protein(length, length), number) for number, length in enumerate(lengths, start=1)]
    together = predict_items(inference, model, *items)
    for single, prediction in zip(items, together, strict=True):
        (alone,) = predict_items(inference, model, single)
        assert (prediction["id"], prediction["record"]) == (single["id"], single["record"])
        assert abs(units(prediction).astype(int) - units(alone)).max() <= 2
        assert (units(prediction).sum(axis=1) == UNIT).all()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_utf8"),
        (b"[]", "not_a_work_item"),
        (b"[" * 100_000, "not_json"),
        (item(""), "not_a_work_item"),
        (item("MK V"), "not_a_work_item"),
        (item("MKV*"), "not_a_work_item"),
        (item("M" * (LONGEST + 1)), "not_a_work_item"),
        ({**item("MKV"), "alphabet": "dna"}, "not_a_work_item"),
        ({"id": "u:1:0", "record": "r", "start": 0, "sequence": "ACGT"}, "not_a_work_item"),
    ],
)
def test_a_bad_line_among_good_ones_has_an_error_line(inference, structure, line, code):
    before, bad, after = predict_items(inference, structure, item("MKV", 1), line, item("MKV", 3))
    assert bad["error"]["code"] == code
    assert "MK" not in bad["error"]["message"]
    assert (before["id"], after["id"]) == ("u:1:0", "u:3:0")
    assert before["labels"] == after["labels"]


def test_a_model_of_eight_states_is_served(inference, tmp_path):
    (prediction,) = predict_items(
        inference, inference.model_fn(str(tiny_folder(tmp_path, task="ss8", head="cnn"))), item("MKVLA")
    )
    assert prediction["classes"] == "GHIBESTC"
    assert (units(prediction).sum(axis=1) == UNIT).all()


def test_an_embedding_is_the_mean_of_the_encoders_last_layer(inference, folder, monkeypatch):
    import encoders

    monkeypatch.setenv("SEQDROP_TASK", "embed")
    ready, model = inference.model_fn(str(folder)), networks.load(folder)
    sequence = protein(30)
    short, long, _ = predict_items(inference, ready, item(sequence), item(protein(130)), item("M"))
    embedding = np.frombuffer(base64.b64decode(short["embedding"]), "<f4")
    with torch.inference_mode():
        hidden = encoders.features(model.encoder, *model.inputs([sequence]))[0]
    offset = model.description.alphabet.offset
    np.testing.assert_allclose(embedding, hidden[offset : offset + 30].mean(0), atol=1e-5)
    assert (short["length"], long["length"]) == (30, 130)
    assert np.isfinite(np.frombuffer(base64.b64decode(long["embedding"]), "<f4")).all()


def break_weights(folder, value: float):
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.startswith("head"))
    weights[name] = torch.full_like(weights[name], value)
    save_file(weights, folder / "model.safetensors")
    return folder


def test_a_broken_model_is_refused(inference, tmp_path):
    with pytest.raises(ValueError, match="the model is broken"):
        inference.model_fn(str(break_weights(tiny_folder(tmp_path), float("nan"))))


def test_a_prediction_that_is_not_finite_is_an_error_line(inference, structure, monkeypatch):
    """A protein without a valid prediction does not affect the others."""

    def predict(sequences: list[str]) -> list[np.ndarray]:
        return [np.full((len(sequence), 3), np.nan if sequence == "M" else 1 / 3) for sequence in sequences]

    monkeypatch.setattr(structure.task, "predict", predict)
    bad, good = predict_items(inference, structure, item("M", 1), item("MK", 2))
    assert (bad["error"]["code"], good["labels"]) == ("not_finite", "HH")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SEQDROP_TASK", "promoter", "the tasks of a protein model are structure, embed"),
        ("SEQDROP_WINDOW", "51", "this model takes 1 to 50"),
        ("SEQDROP_WINDOW", "0", "this model takes 1 to 50"),
        ("SEQDROP_OVERLAP", "-1", "must be a whole number"),
        ("SEQDROP_THREADS", "many", "must be a number from 1"),
    ],
)
def test_an_invalid_setting_raises(inference, cnn, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        inference.model_fn(str(cnn))


def test_other_content_types_raise(inference, structure):
    with pytest.raises(ValueError, match="is not served"):
        inference.input_fn(b"{}", "text/csv")
    with pytest.raises(ValueError, match="the response is"):
        inference.output_fn(inference.Payload(LINES, []), "text/csv")
    assert inference.output_fn(inference.predict_fn(inference.input_fn(b"", LINES), structure)) == ""


# ---------------------------------------------------------------- plain requests


def ask_plain(inference, model, inputs) -> list | dict:
    body = inputs if isinstance(inputs, bytes) else json.dumps({"inputs": inputs}).encode()
    response = inference.predict_fn(inference.input_fn(body, "application/json; charset=utf-8"), model)
    return json.loads(inference.output_fn(response, "application/json"))


def test_a_plain_request_has_the_labels_and_scores_of_the_work_item(inference, structure):
    sequence = protein(30)
    (line,) = predict_items(inference, structure, item(sequence))
    (entry,) = ask_plain(inference, structure, sequence)
    assert entry["labels"] == line["labels"]
    assert entry["scores"] == (units(line).max(axis=1) / UNIT).tolist()
    assert ask_plain(inference, structure, [" ".join(sequence), sequence.lower()]) == [entry, entry]


def test_a_plain_request_reports_each_input_that_is_no_protein(inference, structure):
    good, *bad = ask_plain(inference, structure, ["MKV", "MK1", "", 7])
    assert set(good) == {"labels", "scores"}
    assert [entry["error"]["code"] for entry in bad] == ["not_a_work_item"] * 3
    for body in (b"{}", b"[]", b"MKV", b'{"inputs": {"a": 1}}', b'{"inputs": "MKV", "parameters": {}}'):
        assert ask_plain(inference, structure, body)["error"]["code"] == "not_inputs"


def test_a_plain_request_to_an_embedder_has_the_embedding(inference, folder, monkeypatch):
    monkeypatch.setenv("SEQDROP_TASK", "embed")
    model = inference.model_fn(str(folder))
    (entry,) = ask_plain(inference, model, "MKVLAT")
    (line,) = predict_items(inference, model, item("MKVLAT"))
    assert entry["embedding"] == np.frombuffer(base64.b64decode(line["embedding"]), "<f4").tolist()
