"""The published checkpoints, by their public facts: the loader reads each of them without a warning."""

from __future__ import annotations

import logging

import encoders
import pytest
import torch
import transformers
from alphabet import read_alphabet

from tests.unit.model_code.protein import published

CASES = [
    ("prott5", "prot_t5_xl_uniref50", published.SMALL_T5, 1),
    ("prott5", "prot_t5_xl_uniref50", published.SMALL_T5, 3),
    ("prott5", "prot_t5_xl_half_uniref50-enc", published.SMALL_T5, 1),
    ("protbert", "prot_bert_bfd", published.SMALL_BERT, 1),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[1]} in {case[3]}")
def case(request, tmp_path):
    model, name, changes, files = request.param
    return model, name, changes, published.write(tmp_path / name, name, changes, files)


@pytest.fixture
def log(caplog):
    """The log of transformers, which does not propagate to the root logger."""
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_the_loader_reads_it_without_a_warning(case, log, capfd):
    model, name, changes, folder = case
    encoder = encoders.load_pretrained(model, folder)
    state = published.weights(name, changes)
    for key, weight in encoder.state_dict().items():
        whole = state[f"bert.{key}" if model == "protbert" else key]
        assert weight.dtype == torch.float32
        assert torch.equal(weight, whole.float()), key
    assert [record for record in log.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("lost", ["block.1.layer.0.SelfAttention.q", "layer.1.attention.self.query"])
def test_missing_weights_are_refused(lost, tmp_path):
    model, name, changes, _ = CASES[0] if "block" in lost else CASES[-1]
    folder = published.write(tmp_path, name, changes)
    state = {key: weight for key, weight in published.weights(name, changes).items() if lost not in key}
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=f"missing or of another shape: .*{lost}.weight"):
        encoders.load_pretrained(model, folder)


def test_another_models_weights_are_refused(checkpoints):
    with pytest.raises(ValueError, match="the weights are of a bert; prott5 needs a t5"):
        encoders.load_pretrained("prott5", checkpoints["protbert"])


@pytest.mark.parametrize("name", published.CONFIGS)
def test_the_published_shapes_have_the_published_names_and_sizes(name):
    """2.82, 1.21 and 0.42 billion parameters, on the meta device, without memory for weights."""
    with torch.device("meta"):
        whole = published.network(name, {})
        config = published.SETTINGS[published.CONFIGS[name]["model_type"]].from_dict(published.CONFIGS[name])
        encoder = (encoders.BertEncoder if "bert" in name else encoders.T5Encoder)(config)
    layers = 30 if "bert" in name else 24
    unused = {key for key in published.keys(name, layers) if "pooler" in key or "position_ids" in key}
    names = {key for key in whole.state_dict() if key != "cls.predictions.decoder.bias"}  # tied to predictions.bias
    assert names == published.keys(name, layers) - unused
    billions = [round(model.num_parameters() / 1e9, 2) for model in (whole, encoder)]
    expected = {"prot_t5_xl_uniref50": [2.82, 1.21], "prot_t5_xl_half_uniref50-enc": [1.21, 1.21]}
    assert billions == expected.get(name, [0.42, 0.42])


def test_tokens_have_their_published_ids(checkpoints):
    t5, bert = (read_alphabet(model, checkpoints[model]) for model in ("prott5", "protbert"))
    assert t5.ids("ACUX").tolist() == [3, 22, 23, 23, 1]
    assert bert.ids("LAUX").tolist() == [2, 5, 6, 25, 25, 3]


def test_the_tokenizer_of_transformers_agrees(checkpoints, tmp_path):
    """For text as the models expect it: upper case, a space between residues, U, Z, O and B as X."""
    sequence, vocabulary = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQXX", {t: n for n, t in enumerate(published.BERT_TOKENS)}
    if int(transformers.__version__.split(".")[0]) >= 5:
        theirs = transformers.BertTokenizer(vocab=vocabulary, do_lower_case=False)
    else:
        theirs = transformers.BertTokenizer(str(checkpoints["protbert"] / "vocab.txt"), do_lower_case=False)
    ours = read_alphabet("protbert", checkpoints["protbert"])
    assert theirs(" ".join(sequence))["input_ids"] == ours.ids(sequence.replace("XX", "UZ")).tolist()
