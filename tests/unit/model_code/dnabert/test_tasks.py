"""The masked and the embed task, short items, and precisions, each compared with the model called by token names."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network import PRECISIONS
from packing import group_lengths, make_packs

LINES = "application/jsonlines"
K = 3
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def language_folder(checkpoint_writer, tmp_path_factory):
    return checkpoint_writer(tmp_path_factory.mktemp("language"), head="BertForMaskedLM")


@pytest.fixture
def predict(monkeypatch, inference, language_folder, tiny_folder):
    """Return the predictions of a task for work items; options are SEQDROP_ variables."""
    models = {}

    def run(task: str, *items: dict, **options) -> list[dict]:
        for name, value in ({"window": 20, "stride": 10, "strands": "+", "task": task} | options).items():
            monkeypatch.setenv(f"SEQDROP_{name.upper()}", str(value))
        if task not in models:
            models[task] = inference.model_fn(str(tiny_folder if task == "promoter" else language_folder))
        body = b"\n".join(json.dumps(item).encode() for item in items)
        return [json.loads(line) for line in _text(inference, models[task], body).split("\n")]

    run.models = models
    return run


def _text(inference, model, body: bytes) -> str:
    return inference.output_fn(inference.predict_fn(inference.input_fn(body, LINES), model), LINES)


def item(sequence: str, start: int = 0, **more) -> dict:
    return {"id": "u:1:0", "record": "chr1", "start": start, "sequence": sequence, **more}


def ids_of(tokens, sequence: str) -> torch.Tensor:
    known = tokens.vocabulary
    kmers = [sequence[i : i + K] for i in range(len(sequence) - K + 1)]
    return torch.tensor([[known["[CLS]"], *(known.get(kmer, known["[MASK]"]) for kmer in kmers), known["[SEP]"]]])


def direct_fillings(model, sequence: str, start: int, end: int) -> dict[str, float]:
    """Return the probability of each filling of sequence[start:end], by brute force over the k-mer around it."""
    kmer_start = min(max(start - (K - (end - start)) // 2, 0), len(sequence) - K)
    with torch.no_grad():
        logits = model.model(input_ids=ids_of(model.tokens, sequence)).logits[0, kmer_start + 1]
    known, shares = sequence[kmer_start : kmer_start + K], {}
    for kmer, number in model.tokens.vocabulary.items():
        if kmer.startswith("[") or any(
            base not in ("N", base_there) for base, base_there in zip(known, kmer, strict=True)
        ):
            continue
        filling = kmer[start - kmer_start : end - kmer_start]
        shares[filling] = shares.get(filling, 0.0) + logits[number].double().exp().item()
    total = sum(shares.values())
    return {filling: share / total for filling, share in shares.items()}


# ---------------------------------------------------------------- masked


@relaxed
@given(
    left=st.text("ACGT", min_size=1, max_size=15),
    width=st.integers(1, K),
    right=st.text("ACGT", min_size=1, max_size=15),
    start=st.integers(0, 10**9),
    has_masks=st.booleans(),
)
def test_candidates_are_those_of_the_model(predict, left, width, right, start, has_masks):
    sequence = left + "N" * width + right
    place = {"start": start + len(left), "end": start + len(left) + width}
    work_item = item(sequence, start)
    if has_masks:  # the bases under a mask do not matter
        work_item = item(left + "GATTACA"[:width] + right, start, masks=[[place["start"], place["end"]]])
    (prediction,) = predict("masked", work_item, window=len(sequence), max_n_fraction="1", short="score")
    if len(sequence) < K:
        assert prediction["masks"] == [{**place, "not_scored": "shorter_than_window"}]
        return
    (entry,) = prediction["masks"]
    assert {name: entry[name] for name in place} == place
    expected = direct_fillings(predict.models["masked"], sequence, len(left), len(left) + width)
    best = sorted(expected.values(), reverse=True)[: len(entry["candidates"])]
    assert [candidate["probability"] for candidate in entry["candidates"]] == pytest.approx(best, abs=1e-5)
    for candidate in entry["candidates"]:
        assert candidate["probability"] == pytest.approx(expected[candidate["bases"]], abs=1e-5)


def test_the_window_is_centred_on_the_masked_interval(predict):
    far, near = "ACGTTGCA" * 10, "GATTACAGG"
    sequence = far + near + "NNN" + near + far
    (whole,) = predict("masked", item(sequence), window=21)
    (cut,) = predict("masked", item(near + "NNN" + near, start=len(far)), window=21)
    assert whole["masks"] == cut["masks"]
    assert whole["masks"][0]["start"] == len(far) + len(near)


@pytest.mark.parametrize("task", ["masked", "embed", "promoter"])
def test_u_is_t_in_every_task(predict, task):
    dna = "ACGTTGCAttgcANNACGTTGCATTCCAA"
    rna, mixed = dna.replace("T", "U").replace("t", "u"), dna.replace("T", "U", 3)
    first, *others = predict(task, *(item(text) for text in (dna, rna, mixed)), strands="+", max_n_fraction="0.5")
    assert others == [first, first]
    assert '"not_scored"' not in json.dumps(first)


def test_an_interval_that_cannot_be_predicted_has_the_reason(predict):
    longer = predict("masked", item("ACGTACGTAC" + "N" * (K + 1) + "ACGTACGTAC"))[0]["masks"]
    assert longer == [{"start": 10, "end": 14, "not_scored": "longer_than_k"}]
    short = predict("masked", item("ACGTNACGT"))[0]["masks"]
    assert short == [{"start": 4, "end": 5, "not_scored": "shorter_than_window"}]
    noisy = predict("masked", item("ANNACNNACGTANNACNNACGT"))[0]["masks"]
    assert {entry["not_scored"] for entry in noisy} == {"too_many_n"}
    assert predict("masked", item("ACGT" * 6))[0]["masks"] == []


def test_with_masks_other_runs_are_not_filled(predict):
    sequence = "ACGTTGCATGCATNACGTTGCATCCA"
    (prediction,) = predict("masked", item(sequence, masks=[[3, 6]]))
    assert [(entry["start"], entry["end"]) for entry in prediction["masks"]] == [(3, 6)]


@pytest.mark.parametrize("masks", [5, [[1]], [[2, 2]], [[3, 1]], [[0, 5], [4, 6]], [[0, 99]], [["a", 2]]])
def test_invalid_masks_are_a_bad_line(predict, masks):
    good = item("ACGTNACGTTGCATGCATGC")
    bad, fine = predict("masked", item("ACGT" * 5, masks=masks), good)
    assert bad["error"]["code"] == "not_a_work_item"
    assert fine["masks"][0]["candidates"]


def test_many_intervals_in_one_request_keep_their_order(predict):
    items = [item("ACGTTGCATG" + "N" * (1 + i % K) + "GATTACATTA", start=i) | {"id": str(i)} for i in range(300)]
    predictions = predict("masked", *items, window=21, short="score")
    assert [prediction["id"] for prediction in predictions] == [str(i) for i in range(300)]
    alone = predict("masked", items[257], window=21, short="score")[0]
    assert predictions[257]["masks"][0]["candidates"][0]["bases"] == alone["masks"][0]["candidates"][0]["bases"]


def test_a_classifier_is_refused_for_the_masked_task(inference, tiny_folder, monkeypatch):
    monkeypatch.setenv("SEQDROP_TASK", "masked")
    with pytest.raises(ValueError, match="not trained for this task"):
        inference.model_fn(str(tiny_folder))


# ---------------------------------------------------------------- embed


def test_an_embedding_is_the_mean_over_the_kmers(predict):
    sequence = "ACGTTGCATGCATGACCATG"
    (prediction,) = predict("embed", item(sequence, start=7))
    (window,) = prediction["windows"]
    model = predict.models["embed"]
    with torch.no_grad():
        hidden = model.model(input_ids=ids_of(model.tokens, sequence)).last_hidden_state[0, 1:-1]
    assert (window["start"], window["end"], window["strand"]) == (7, 27, "+")
    assert window["embedding"] == pytest.approx(hidden.mean(0).tolist(), rel=1e-4, abs=1e-5)


def test_both_strands_are_embedded(predict):
    (prediction,) = predict("embed", item("ACGTTGCATGCATGACCATGAA"), strands="+-")
    assert [window["strand"] for window in prediction["windows"]] == ["+", "-", "+", "-"]
    assert prediction["windows"][0]["embedding"] != prediction["windows"][1]["embedding"]


# ---------------------------------------------------------------- short items, tasks, precisions


def test_a_short_item_is_scored_if_the_job_allows_it(predict):
    short, window = "ACGTTGCA", "ACGTTGCATGCATGACCATG"
    skipped = predict("promoter", item(short))[0]["windows"]
    assert skipped == [{"start": 0, "end": 8, "strand": "+", "not_scored": "shorter_than_window"}]
    first, second = predict("promoter", item(short), item(window), short="score")
    assert (first["windows"][0]["start"], first["windows"][0]["end"]) == (0, 8)
    model = predict.models["promoter"]
    for prediction, sequence in ((first, short), (second, window)):
        with torch.no_grad():
            expected = model.model(input_ids=ids_of(model.tokens, sequence)).logits.softmax(-1)[0, 1].item()
        assert prediction["windows"][0]["probability"] == pytest.approx(expected, abs=2e-6)
    (hopeless,) = predict("promoter", item("AC"), short="score")
    assert hopeless["windows"][0]["not_scored"] == "shorter_than_window"


def test_an_unknown_task_or_precision_is_refused(inference, tiny_folder, monkeypatch):
    monkeypatch.setenv("SEQDROP_TASK", "oracle")
    with pytest.raises(ValueError, match="SEQDROP_TASK is 'oracle'"):
        inference.model_fn(str(tiny_folder))
    monkeypatch.setenv("SEQDROP_TASK", "promoter")
    monkeypatch.setenv("SEQDROP_PRECISION", "fp8")
    with pytest.raises(ValueError, match="SEQDROP_PRECISION is 'fp8'"):
        inference.model_fn(str(tiny_folder))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_precisions_agree(inference, tiny_folder, monkeypatch, precision):
    monkeypatch.setenv("SEQDROP_PRECISION", "fp32")
    rows = np.random.default_rng(1).integers(5, 69, (50, 18))
    exact = inference.model_fn(str(tiny_folder)).probabilities(rows)
    monkeypatch.setenv("SEQDROP_PRECISION", precision)
    worst = 0.15 if precision == "int8" else 0.03  # a random model with large weights is the worst case
    assert np.abs(inference.model_fn(str(tiny_folder)).probabilities(rows) - exact).max() < worst


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(1, 5000))
def test_packs_contain_every_input_once_end_to_end(lengths, most):
    inputs, indices = [np.full(length, place) for place, length in enumerate(lengths)], []
    for pack in make_packs(inputs, most, torch.device("cpu")):
        assert len(pack.where) == 1 or pack.ids.numel() <= most
        assert pack.ids[0].tolist() == [place for place in pack.where for _ in range(lengths[place])]
        assert pack.ids[0][pack.starts].tolist() == pack.where.tolist()
        indices += pack.where.tolist()
    assert sorted(indices) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60), st.sampled_from(["cpu", "cuda"]))
def test_length_groups_cover_every_sequence_once_in_order(lengths, device):
    lengths.sort(reverse=True)
    ends, tokens, sequences = np.cumsum(lengths), 0, 0
    for group in group_lengths(lengths, device):
        assert (group.tokens.start, group.sequences.start) == (tokens, sequences)
        tokens, sequences = group.tokens.stop, group.sequences.stop
        assert tokens == ends[sequences - 1]
        assert sequences - group.sequences.start == group.count
        assert len(set(lengths[group.sequences])) == 1
    assert sequences == len(lengths)


@pytest.mark.parametrize("task", ["promoter", "embed"])
def test_items_of_mixed_lengths_are_predicted_as_in_separate_requests(predict, task):
    generator = np.random.default_rng(4)
    items = [
        item("".join(generator.choice(list("ACGT"), size))) | {"id": str(place)}
        for place, size in enumerate(generator.integers(10, 40, 30))
    ]
    together = predict(task, *items, window=40, short="score")
    for single, prediction in zip(items, together, strict=True):
        (alone,) = predict(task, single, window=40, short="score")
        assert prediction["id"] == alone["id"] == single["id"]
        for here, there in zip(prediction["windows"], alone["windows"], strict=True):
            assert here.keys() == there.keys()
            for name in here.keys() & {"probability", "embedding"}:
                assert here[name] == pytest.approx(there[name], rel=1e-3, abs=1e-5)
