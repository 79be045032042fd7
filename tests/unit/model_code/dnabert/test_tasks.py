"""The masked and the embed task, short stretches, and precisions: each against the model asked by token names."""

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
def ask(monkeypatch, inference, language_folder, tiny_folder):
    """Answers of a task to work items; options are SEQDROP_ variables."""
    models = {}

    def answer(task: str, *items: dict, **options) -> list[dict]:
        for name, value in ({"window": 20, "stride": 10, "strands": "+", "task": task} | options).items():
            monkeypatch.setenv(f"SEQDROP_{name.upper()}", str(value))
        if task not in models:
            models[task] = inference.model_fn(str(tiny_folder if task == "promoter" else language_folder))
        body = b"\n".join(json.dumps(one).encode() for one in items)
        return [json.loads(line) for line in _text(inference, models[task], body).split("\n")]

    answer.models = models
    return answer


def _text(inference, model, body: bytes) -> str:
    return inference.output_fn(inference.predict_fn(inference.input_fn(body, LINES), model), LINES)


def item(sequence: str, start: int = 0, **more) -> dict:
    return {"id": "u:1:0", "record": "chr1", "start": start, "sequence": sequence, **more}


def ids_of(tokens, sequence: str) -> torch.Tensor:
    known = tokens.vocabulary
    kmers = [sequence[i : i + K] for i in range(len(sequence) - K + 1)]
    return torch.tensor([[known["[CLS]"], *(known.get(kmer, known["[MASK]"]) for kmer in kmers), known["[SEP]"]]])


def direct_fillings(model, sequence: str, start: int, end: int) -> dict[str, float]:
    """Probability of each filling of sequence[start:end], by brute force over the k-mer that has it in its middle."""
    at = min(max(start - (K - (end - start)) // 2, 0), len(sequence) - K)
    with torch.no_grad():
        logits = model.model(input_ids=ids_of(model.tokens, sequence)).logits[0, at + 1]
    known, found = sequence[at : at + K], {}
    for kmer, number in model.tokens.vocabulary.items():
        if kmer.startswith("[") or any(base not in ("N", there) for base, there in zip(known, kmer, strict=True)):
            continue
        filling = kmer[start - at : end - at]
        found[filling] = found.get(filling, 0.0) + logits[number].double().exp().item()
    total = sum(found.values())
    return {filling: share / total for filling, share in found.items()}


# ---------------------------------------------------------------- masked


@relaxed
@given(
    left=st.text("ACGT", min_size=1, max_size=15),
    width=st.integers(1, K),
    right=st.text("ACGT", min_size=1, max_size=15),
    start=st.integers(0, 10**9),
    said=st.booleans(),
)
def test_candidates_are_those_of_the_model(ask, left, width, right, start, said):
    sequence = left + "N" * width + right
    place = {"start": start + len(left), "end": start + len(left) + width}
    one = item(sequence, start)
    if said:  # the letters under a mask do not matter
        one = item(left + "GATTACA"[:width] + right, start, masks=[[place["start"], place["end"]]])
    (found,) = ask("masked", one, window=len(sequence), max_n_fraction="1", short="score")
    if len(sequence) < K:
        assert found["masks"] == [{**place, "not_scored": "shorter_than_window"}]
        return
    (stretch,) = found["masks"]
    assert {name: stretch[name] for name in place} == place
    expected = direct_fillings(ask.models["masked"], sequence, len(left), len(left) + width)
    best = sorted(expected.values(), reverse=True)[: len(stretch["candidates"])]
    assert [one["probability"] for one in stretch["candidates"]] == pytest.approx(best, abs=1e-5)
    for one in stretch["candidates"]:
        assert one["probability"] == pytest.approx(expected[one["bases"]], abs=1e-5)


def test_the_window_lies_around_the_stretch(ask):
    far, near = "ACGTTGCA" * 10, "GATTACAGG"
    sequence = far + near + "NNN" + near + far
    (whole,) = ask("masked", item(sequence), window=21)
    (cut,) = ask("masked", item(near + "NNN" + near, start=len(far)), window=21)
    assert whole["masks"] == cut["masks"]
    assert whole["masks"][0]["start"] == len(far) + len(near)


def test_what_cannot_be_filled_says_why(ask):
    longer = ask("masked", item("ACGTACGTAC" + "N" * (K + 1) + "ACGTACGTAC"))[0]["masks"]
    assert longer == [{"start": 10, "end": 14, "not_scored": "longer_than_k"}]
    short = ask("masked", item("ACGTNACGT"))[0]["masks"]
    assert short == [{"start": 4, "end": 5, "not_scored": "shorter_than_window"}]
    noisy = ask("masked", item("ANNACNNACGTANNACNNACGT"))[0]["masks"]
    assert {one["not_scored"] for one in noisy} == {"too_many_n"}
    assert ask("masked", item("ACGT" * 6))[0]["masks"] == []


def test_with_masks_other_runs_are_not_filled(ask):
    sequence = "ACGTTGCATGCATNACGTTGCATCCA"
    (found,) = ask("masked", item(sequence, masks=[[3, 6]]))
    assert [(one["start"], one["end"]) for one in found["masks"]] == [(3, 6)]


@pytest.mark.parametrize("masks", [5, [[1]], [[2, 2]], [[3, 1]], [[0, 5], [4, 6]], [[0, 99]], [["a", 2]]])
def test_masks_that_make_no_sense_are_a_bad_line(ask, masks):
    good = item("ACGTNACGTTGCATGCATGC")
    bad, fine = ask("masked", item("ACGT" * 5, masks=masks), good)
    assert bad["error"]["code"] == "not_a_work_item"
    assert fine["masks"][0]["candidates"]


def test_many_stretches_in_one_request_keep_their_order(ask):
    items = [item("ACGTTGCATG" + "N" * (1 + i % K) + "GATTACATTA", start=i) | {"id": str(i)} for i in range(300)]
    found = ask("masked", *items, window=21, short="score")
    assert [one["id"] for one in found] == [str(i) for i in range(300)]
    alone = ask("masked", items[257], window=21, short="score")[0]
    assert found[257]["masks"][0]["candidates"][0]["bases"] == alone["masks"][0]["candidates"][0]["bases"]


def test_a_classifier_fills_nothing(inference, tiny_folder, monkeypatch):
    monkeypatch.setenv("SEQDROP_TASK", "masked")
    with pytest.raises(ValueError, match="not trained for this task"):
        inference.model_fn(str(tiny_folder))


# ---------------------------------------------------------------- embed


def test_an_embedding_is_the_mean_over_the_kmers(ask):
    sequence = "ACGTTGCATGCATGACCATG"
    (found,) = ask("embed", item(sequence, start=7))
    (window,) = found["windows"]
    model = ask.models["embed"]
    with torch.no_grad():
        hidden = model.model(input_ids=ids_of(model.tokens, sequence)).last_hidden_state[0, 1:-1]
    assert (window["start"], window["end"], window["strand"]) == (7, 27, "+")
    assert window["embedding"] == pytest.approx(hidden.mean(0).tolist(), rel=1e-4, abs=1e-5)


def test_both_strands_are_embedded(ask):
    (found,) = ask("embed", item("ACGTTGCATGCATGACCATGAA"), strands="+-")
    assert [one["strand"] for one in found["windows"]] == ["+", "-", "+", "-"]
    assert found["windows"][0]["embedding"] != found["windows"][1]["embedding"]


# ---------------------------------------------------------------- short stretches, tasks, precisions


def test_a_short_stretch_is_scored_where_the_job_allows_it(ask):
    short, window = "ACGTTGCA", "ACGTTGCATGCATGACCATG"
    skipped = ask("promoter", item(short))[0]["windows"]
    assert skipped == [{"start": 0, "end": 8, "strand": "+", "not_scored": "shorter_than_window"}]
    first, second = ask("promoter", item(short), item(window), short="score")
    assert (first["windows"][0]["start"], first["windows"][0]["end"]) == (0, 8)
    model = ask.models["promoter"]
    for found, sequence in ((first, short), (second, window)):
        with torch.no_grad():
            expected = model.model(input_ids=ids_of(model.tokens, sequence)).logits.softmax(-1)[0, 1].item()
        assert found["windows"][0]["probability"] == pytest.approx(expected, abs=2e-6)
    (hopeless,) = ask("promoter", item("AC"), short="score")
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
    worst = 0.15 if precision == "int8" else 0.03  # wide weights of a random model are the worst case
    assert np.abs(inference.model_fn(str(tiny_folder)).probabilities(rows) - exact).max() < worst


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(1, 5000))
def test_packs_hold_every_input_once_end_to_end(lengths, most):
    inputs, seen = [np.full(length, place) for place, length in enumerate(lengths)], []
    for pack in make_packs(inputs, most, torch.device("cpu")):
        assert len(pack.where) == 1 or pack.ids.numel() <= most
        assert pack.ids[0].tolist() == [place for place in pack.where for _ in range(lengths[place])]
        assert pack.ids[0][pack.starts].tolist() == pack.where.tolist()
        seen += pack.where.tolist()
    assert sorted(seen) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60), st.sampled_from(["cpu", "cuda"]))
def test_stretches_cover_every_sequence_once_in_order(lengths, device):
    lengths.sort(reverse=True)
    ends, tokens, sequences = np.cumsum(lengths), 0, 0
    for stretch in group_lengths(lengths, device):
        assert (stretch.tokens.start, stretch.sequences.start) == (tokens, sequences)
        tokens, sequences = stretch.tokens.stop, stretch.sequences.stop
        assert tokens == ends[sequences - 1]
        assert sequences - stretch.sequences.start == stretch.count
        assert len(set(lengths[stretch.sequences])) == 1
    assert sequences == len(lengths)


@pytest.mark.parametrize("task", ["promoter", "embed"])
def test_stretches_of_mixed_lengths_are_answered_as_if_alone(ask, task):
    chance = np.random.default_rng(4)
    items = [
        item("".join(chance.choice(list("ACGT"), size))) | {"id": str(place)}
        for place, size in enumerate(chance.integers(10, 40, 30))
    ]
    together = ask(task, *items, window=40, short="score")
    for one, found in zip(items, together, strict=True):
        (alone,) = ask(task, one, window=40, short="score")
        assert found["id"] == alone["id"] == one["id"]
        for here, there in zip(found["windows"], alone["windows"], strict=True):
            assert here.keys() == there.keys()
            for name in here.keys() & {"probability", "embedding"}:
                assert here[name] == pytest.approx(there[name], rel=1e-3, abs=1e-5)
