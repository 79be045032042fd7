"""inference.py as the container calls it: model_fn, input_fn, predict_fn, output_fn."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring import IN_FLIGHT

LINES, JSON = "application/jsonlines", "application/json"
COMPLEMENT = str.maketrans("ACGT", "TGCA")
TOLERANCE = 2e-6  # predictions have six decimals, and the order of additions differs between batch sizes
sequences = st.text("ACGT", max_size=90)
relaxed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def job(monkeypatch):
    """Set a job's environment."""

    def set_environment(window: int, stride: int, strands: str = "+-", share: str = "0.1") -> None:
        names = ("WINDOW", "STRIDE", "STRANDS", "MAX_N_FRACTION")
        for name, value in zip(names, (window, stride, strands, share), strict=True):
            monkeypatch.setenv(f"SEQDROP_{name}", str(value))

    return set_environment


@pytest.fixture
def predict(inference, tiny):
    """Return the response to a body, as text."""

    def run(body: bytes, kind: str = LINES, accept: str = "application/json", model=tiny) -> str:
        return inference.output_fn(inference.predict_fn(inference.input_fn(body, kind), model), accept)

    return run


def line(sequence: str, id: str = "u:1:0", start: int = 0) -> dict:
    return {"id": id, "record": "chr1", "start": start, "sequence": sequence}


def body_of(*lines: dict) -> bytes:
    return b"\n".join(json.dumps(item).encode() for item in lines)


def direct_probability(tiny, sequence: str) -> float:
    """Return the probability from the model without our batching, by token names."""
    known = tiny.tokens.vocabulary
    kmers = [sequence[i : i + 3] for i in range(len(sequence) - 2)]
    ids = [known["[CLS]"], *(known.get(kmer, known["[MASK]"]) for kmer in kmers), known["[SEP]"]]
    with torch.no_grad():
        return tiny.model(input_ids=torch.tensor([ids])).logits.softmax(-1)[0, 1].item()


# ---------------------------------------------------------------- windows, coordinates, strands


@relaxed
@given(sequence=sequences, start=st.integers(0, 10**9), cut=st.tuples(st.integers(3, 64), st.integers(1, 40)))
def test_the_sequence_at_the_coordinates_is_the_sequence_scored(job, predict, tiny, sequence, start, cut):
    window, stride = cut
    job(window, stride)
    prediction = json.loads(predict(body_of(line(sequence, start=start))))
    assert (prediction["id"], prediction["record"]) == ("u:1:0", "chr1")
    places = [(entry["start"], entry["strand"]) for entry in prediction["windows"]]
    assert places == sorted(places, key=lambda place: (place[0], place[1] == "-"))
    for entry in prediction["windows"][:6] + prediction["windows"][-2:]:
        part = sequence[entry["start"] - start : entry["end"] - start]
        if len(sequence) < window:
            assert (part, entry["not_scored"]) == (sequence, "shorter_than_window")
            continue
        assert len(part) == window
        scored = part if entry["strand"] == "+" else part.translate(COMPLEMENT)[::-1]
        assert entry["probability"] == pytest.approx(direct_probability(tiny, scored), abs=TOLERANCE)


def test_a_job_of_one_strand_scores_the_forward_strand(job, predict):
    job(10, 5, "+")
    assert {window["strand"] for window in json.loads(predict(body_of(line("ACGT" * 6))))["windows"]} == {"+"}


def test_lower_case_equals_upper_case(job, predict):
    job(10, 5)
    assert predict(body_of(line("ACGTTGCATCCA"))) == predict(body_of(line("acgttgcatcca")))


@relaxed
@given(sequence=st.text("ACGTacgtNRY", max_size=60), stride=st.integers(1, 10))
def test_u_equals_t_on_both_strands(job, predict, sequence, stride):
    """Versions up to 0.2.0 wrote work items with U."""
    job(10, stride, "+-", "0.3")
    rna = sequence.replace("T", "U").replace("t", "u")
    assert predict(body_of(line(rna))) == predict(body_of(line(sequence)))


def test_a_window_that_contains_n_is_scored_with_mask_tokens(job, predict, tiny):
    job(10, 10, "+", "0.1")
    (window,) = json.loads(predict(body_of(line("ACGTRACGTA"))))["windows"]
    assert window["probability"] == pytest.approx(direct_probability(tiny, "ACGTNACGTA"), abs=TOLERANCE)


def test_a_window_with_too_many_n_is_not_scored(job, predict):
    job(10, 10, "+-", "0.1")
    windows = json.loads(predict(body_of(line("ACNNRACGTA" + "ACGTACGTAC", start=5))))["windows"]
    assert windows[:2] == [{"start": 5, "end": 15, "strand": strand, "not_scored": "too_many_n"} for strand in "+-"]
    assert [window["strand"] for window in windows[2:]] == ["+", "-"]
    assert all("probability" in window and window["start"] == 15 for window in windows[2:])


def test_an_empty_sequence_has_an_empty_interval(job, predict):
    job(10, 5, "+")
    windows = json.loads(predict(body_of(line("", start=3))))["windows"]
    assert windows == [{"start": 3, "end": 3, "strand": "+", "not_scored": "shorter_than_window"}]


# ---------------------------------------------------------------- lines and batches


@relaxed
@given(texts=st.lists(sequences, min_size=1, max_size=8))
def test_batches_do_not_change_predictions(job, predict, texts):
    job(20, 7)
    lines = [line(sequence, id=f"u:{i}:0") for i, sequence in enumerate(texts)]
    together = predict(body_of(*lines)).split("\n")
    assert len(together) == len(lines)
    for text, alone in zip(together, lines, strict=True):
        ours, theirs = json.loads(text), json.loads(predict(body_of(alone)))
        assert ours["id"] == theirs["id"] == alone["id"]
        for here, there in zip(ours["windows"], theirs["windows"], strict=True):
            assert here == pytest.approx(there, abs=TOLERANCE)


def test_an_item_with_more_windows_than_the_queue_holds(job, predict, tiny):
    job(8, 1, "+-")
    sequence = ("ACGTTGCAACCTGATTACA" * 80)[: IN_FLIGHT + 300]
    windows = json.loads(predict(body_of(line(sequence))))["windows"]
    assert len(windows) == 2 * (len(sequence) - 7)
    for window in windows[:: len(windows) // 20]:
        part = sequence[window["start"] : window["end"]]
        scored = part if window["strand"] == "+" else part.translate(COMPLEMENT)[::-1]
        assert window["probability"] == pytest.approx(direct_probability(tiny, scored), abs=TOLERANCE)


def test_every_line_has_a_prediction_or_an_error_in_order(job, predict):
    job(10, 5, "+")
    good = body_of(line("ACGT" * 5, id="first")), body_of(line("ACGT" * 5, id="last"))
    body = b"\n".join([good[0], b"{", b"", b"\xff", b'{"id": "x"}', good[1]]) + b"\n"
    predictions = [json.loads(text) for text in predict(body).split("\n")]
    assert [prediction["id"] for prediction in predictions] == ["first", None, None, None, "x", "last"]
    assert [prediction.get("error", {}).get("code") for prediction in predictions] == [
        None,
        "not_json",
        "not_json",
        "not_utf8",
        "not_a_work_item",
        None,
    ]


def test_crlf_and_a_missing_last_newline_are_accepted(job, predict):
    job(10, 5, "+")
    item = body_of(line("ACGT" * 5))
    alone, *both = (
        [window["probability"] for window in json.loads(text)["windows"]]
        for text in [predict(item), *predict(item + b"\r\n" + item).split("\n")]
    )
    assert len(both) == 2
    for probabilities in both:
        assert probabilities == pytest.approx(alone, abs=TOLERANCE)


def test_a_request_without_lines_has_an_empty_response(job, predict):
    job(10, 5)
    assert predict(b"") == ""


# ---------------------------------------------------------------- errors in the job are exceptions


def test_a_window_longer_than_the_model_is_refused(job, predict):
    job(65, 10)
    with pytest.raises(ValueError, match="3 to 64"):
        predict(body_of(line("A" * 70)))


def test_the_widest_window_is_scored(job, predict):
    job(64, 10, "+")
    assert "probability" in json.loads(predict(body_of(line("A" * 64))))["windows"][0]


def test_a_job_without_a_window_is_refused(monkeypatch, predict):
    monkeypatch.delenv("SEQDROP_WINDOW", raising=False)
    with pytest.raises(ValueError, match="SEQDROP_WINDOW is not set"):
        predict(body_of(line("ACGT")))


@pytest.mark.parametrize("kind", ["text/csv", "", None, "application/x-npy"])
def test_other_content_types_are_refused(inference, kind):
    with pytest.raises(ValueError, match="content type"):
        inference.input_fn(b"", kind)


def test_a_charset_does_not_change_the_content_type(inference):
    assert inference.input_fn("{}", "Application/JSON; charset=utf-8").content == b"{}"


@pytest.mark.parametrize("accept", [None, "", "*/*", LINES, JSON, "text/html, */*;q=0.8"])
def test_a_client_accepts_the_response(inference, accept):
    assert inference.output_fn(inference.Payload(LINES, ["{}", "{}"]), accept) == "{}\n{}"


def test_a_response_that_a_client_does_not_accept_is_refused(inference):
    with pytest.raises(ValueError, match="text/csv"):
        inference.output_fn(inference.Payload(LINES, []), "text/csv")


# ---------------------------------------------------------------- spaced k-mers


def kmers_of(sequence: str) -> str:
    return " ".join(sequence[i : i + 3] for i in range(len(sequence) - 2))


def inputs(value) -> bytes:
    return json.dumps({"inputs": value}).encode()


def test_spaced_kmers_have_the_response_of_the_pipeline(predict, tiny_folder, hf_tokenizer):
    from transformers import BertForSequenceClassification, pipeline

    known = {token: i for i, token in enumerate((tiny_folder / "vocab.txt").read_text().split())}
    theirs = pipeline(
        "text-classification",
        model=BertForSequenceClassification.from_pretrained(tiny_folder).float(),
        tokenizer=hf_tokenizer(known),
        device="cpu",
    )
    texts = [kmers_of("ACGTTGCATCCA"), kmers_of("TTTTACG"), kmers_of("GGATCCATGCATTTACC")]
    for value in (texts[0], texts):
        ours, expected = json.loads(predict(inputs(value), JSON)), theirs(value)
        assert [prediction["label"] for prediction in ours] == [prediction["label"] for prediction in expected]
        assert [prediction["score"] for prediction in ours] == pytest.approx([e["score"] for e in expected], abs=1e-6)


def test_too_many_kmers_are_an_error_and_not_truncated(predict):
    (prediction,) = json.loads(predict(inputs(kmers_of("A" * 65)), JSON))
    assert prediction == {"error": {"code": "too_long", "message": "63 k-mers; this model takes at most 62"}}
    assert "score" in json.loads(predict(inputs(kmers_of("A" * 64)), JSON))[0]


def test_an_error_is_at_the_place_of_its_input(predict):
    results = json.loads(predict(inputs([kmers_of("ACGTA"), "ACGTA", "", 5, kmers_of("ACNTA")]), JSON))
    assert ["score" in result for result in results] == [True, False, False, False, True]
    assert {result["error"]["code"] for result in results[1:4]} == {"not_kmers"}


def test_kmers_of_rna_are_those_of_dna(predict):
    assert predict(inputs([kmers_of("ACGUUGCA"), kmers_of("acguugca")]), JSON) == predict(
        inputs([kmers_of("ACGTTGCA")] * 2), JSON
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b'{"inputs": 5}', b'{"inputs": "ACG", "parameters": {}}'])
def test_a_body_without_inputs_has_one_error(predict, body):
    assert json.loads(predict(body, JSON))["error"]["code"] == "not_inputs"


def test_an_empty_list_has_an_empty_response(predict):
    assert json.loads(predict(inputs([]), JSON)) == []


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_every_k_is_supported(checkpoint_writer, inference, tmp_path, k):
    model = inference.model_fn(str(checkpoint_writer(tmp_path, k=k)))
    assert (model.tokens.k, len(model.tokens.vocabulary)) == (k, 4**k + 5)


def test_half_precision_weights_run_in_fp32(tiny, tiny_folder):
    assert json.loads((tiny_folder / "config.json").read_text())["dtype"] == "float16"
    assert {parameter.dtype for parameter in tiny.model.parameters()} == {torch.float32}
    assert not tiny.model.training


def test_a_pytorch_bin_predicts_as_safetensors(checkpoint_writer, inference, job, predict, tmp_path):
    job(10, 5, "+")
    folders = [checkpoint_writer(tmp_path / kind, weights=kind) for kind in ("safetensors", "bin")]
    first, second = [
        json.loads(predict(body_of(line("ACGTTGCATC")), model=inference.model_fn(str(folder)))) for folder in folders
    ]
    assert first["windows"][0]["probability"] == pytest.approx(second["windows"][0]["probability"], abs=5e-3)


def test_an_old_config_without_a_model_type_is_read(checkpoint_writer, inference, tmp_path):
    config = json.loads((checkpoint_writer(tmp_path) / "config.json").read_text())
    for name in ("model_type", "transformers_version", "dtype", "architectures"):
        config.pop(name, None)
    old = {"_num_labels": 2, "finetuning_task": "dnaprom", "split": 10, "rnn": "lstm", "torchscript": False}
    (tmp_path / "config.json").write_text(json.dumps(config | old | {"architectures": ["BertForMaskedLM"]}))
    assert inference.model_fn(str(tmp_path)).label(1) == "LABEL_1"


def test_a_checkpoint_without_a_classifier_is_refused(checkpoint_writer, inference, tmp_path):
    from transformers import BertConfig, BertModel

    folder = checkpoint_writer(tmp_path)
    BertModel(BertConfig.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(ValueError, match=r"not trained for this task.*classifier\.weight"):
        inference.model_fn(str(folder))


def test_a_vocabulary_larger_than_the_model_is_refused(checkpoint_writer, inference, tmp_path):
    folder = checkpoint_writer(tmp_path)
    with (folder / "vocab.txt").open("a") as handle:
        handle.write("[EXTRA]\n")
    with pytest.raises(ValueError, match="allows 69 tokens"):
        inference.model_fn(str(folder))


def test_labels_have_the_names_of_the_config(checkpoint_writer, inference, predict, tmp_path):
    folder = checkpoint_writer(tmp_path, id2label={0: "other", 1: "promoter"}, label2id={"other": 0, "promoter": 1})
    (prediction,) = json.loads(predict(inputs(kmers_of("ACGTA")), JSON, model=inference.model_fn(str(folder))))
    assert prediction["label"] in ("other", "promoter")


# ---------------------------------------------------------------- as the container imports it


@pytest.mark.long
def test_it_is_imported_by_path_alone_and_without_the_environment(code_folder, tmp_path):
    script = (
        "import importlib.util as u\n"
        f"spec = u.spec_from_file_location('user_module', {str(code_folder / 'inference.py')!r})\n"
        "module = u.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "print(all(hasattr(module, name) for name in ('model_fn', 'input_fn', 'predict_fn', 'output_fn')))\n"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SEQDROP")}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("True", 0), done.stderr
