"""The check of a checkpoint folder before it becomes an archive; most faults would make every token [UNK]."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.deploy.checkpoint import read_checkpoint
from seqdrop_cli.deploy.vocabulary import SPECIALS, UnsuitableModelError

from tests.unit.cli.folders import change_config, change_weights, with_language_head

if TYPE_CHECKING:
    from pathlib import Path


def kmers(k: int, bases: str = "ACGT") -> list[str]:
    return ["".join(kmer) for kmer in itertools.product(bases, repeat=k)]


def write_vocabulary(folder: Path, *tokens: str) -> None:
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")


def write_tokenizer(folder: Path, kind: str, tokens: list[str], lowers: bool = False) -> None:
    model = {"type": kind, "vocab": {token: number for number, token in enumerate(tokens)}}
    content = {"model": model, "normalizer": {"type": "BertNormalizer", "lowercase": lowers}}
    (folder / "tokenizer.json").write_text(json.dumps(content))


def seed_tokens(folder: Path) -> list[str]:
    return (folder / "vocab.txt").read_text().split()


def test_a_seed_is_accepted(seed):
    checkpoint = read_checkpoint(seed)
    assert (checkpoint.vocabulary.k, checkpoint.longest, checkpoint.labels) == (
        6,
        70,
        ("not core promoter", "core promoter"),
    )
    assert checkpoint.vocabulary.text() == (seed / "vocab.txt").read_bytes()


# ---------------------------------------------------------------- vocabularies


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([*SPECIALS, *kmers(6, "acgt")], "lower case.*every token would be"),
        ([*SPECIALS, *kmers(5)], "trained with another k"),
        ([*SPECIALS, *kmers(6)[:-7]], r"lacks 7 of the 4096 6-mers"),
        ([*SPECIALS, *kmers(6), *kmers(5)], "lengths 5, 6"),
        ([*SPECIALS, *kmers(2)], "lengths 2"),
        ([*SPECIALS, "the", "of"], "no k-mers"),
        ([*SPECIALS[:-1], *kmers(6)], r"lacks \[MASK\]"),
        ([*SPECIALS, *kmers(6), "AAAAAA"], "a token twice"),
        ([*SPECIALS, *kmers(6), "[EXTRA]"], "4102 tokens of 6-mers, the model 4101"),
    ],
)
def test_unsuitable_vocabularies_are_refused(folder, tokens, message):
    write_vocabulary(folder, *tokens)
    with pytest.raises(UnsuitableModelError, match=message):
        read_checkpoint(folder)


def test_a_byte_pair_vocabulary_is_refused_as_that_of_dnabert_2(folder):
    (folder / "vocab.txt").unlink()
    write_tokenizer(folder, "BPE", [*SPECIALS, "A", "C", "G", "T", "TATA", "GCGC"])
    with pytest.raises(UnsuitableModelError, match=r"BPE vocabulary, such as that of DNABERT-2.*\[UNK\]"):
        read_checkpoint(folder)


def test_a_folder_without_tokens_is_refused(folder):
    (folder / "vocab.txt").unlink()
    with pytest.raises(UnsuitableModelError, match=r"neither vocab\.txt nor tokenizer\.json"):
        read_checkpoint(folder)


def test_tokens_are_read_from_a_folder_that_transformers_5_saved(folder, seed):
    """transformers 5 writes no vocab.txt."""
    tokens = seed_tokens(folder)
    (folder / "vocab.txt").unlink()
    write_tokenizer(folder, "WordPiece", tokens)
    assert read_checkpoint(folder).vocabulary.text() == (seed / "vocab.txt").read_bytes()


@pytest.mark.parametrize("keeps_text", [True, False])
def test_a_tokenizer_of_transformers_5_that_knows_no_kmer_is_refused(folder, keeps_text):
    """A BertTokenizer made from DNABERT's vocab.txt takes every k-mer for [UNK], and `save_pretrained` keeps this."""
    transformers = pytest.importorskip("transformers", minversion="5")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    assert set(tokenizer.tokenize("CTAATC TAATCT")) == {"[UNK]"}
    if not keeps_text:
        (folder / "vocab.txt").unlink()
    tokenizer.save_pretrained(folder)
    with pytest.raises(UnsuitableModelError, match=r"every token is \[UNK\] to it"):
        read_checkpoint(folder)


def test_a_tokenizer_of_older_versions_that_knows_no_kmer_is_refused(folder):
    write_tokenizer(folder, "WordPiece", list(SPECIALS))  # as if the vocabulary had been ignored
    with pytest.raises(UnsuitableModelError, match=r"does not know .*every token is \[UNK\]"):
        read_checkpoint(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    with pytest.raises(UnsuitableModelError, match=r"lower case, so every token is \[UNK\]"):
        read_checkpoint(folder)
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    assert read_checkpoint(folder).vocabulary.k == 6


# ---------------------------------------------------------------- config and weights


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "esm"}, "describes a esm model"),
        ({"alibi_starting_size": 512}, "such as DNABERT-2"),
        ({"auto_map": {"AutoModel": "bert_layers.BertModel"}}, "its own code"),
        ({"vocab_size": 4096}, "config.json has 4096 tokens, the weights have 4101"),
    ],
)
def test_unsuitable_configs_are_refused(folder, changes, message):
    change_config(folder, **changes)
    with pytest.raises(UnsuitableModelError, match=message):
        read_checkpoint(folder)


OWN_CODE = {"AutoConfig": "configuration_bert.BertConfig", "AutoModel": "dnabert_layer.DNABertModel"}


@pytest.mark.parametrize(
    "auto_map",
    [
        OWN_CODE | {"AutoModelForSequenceClassification": "dnabert_layer.DNABertForSequenceClassification"},
        OWN_CODE | {"AutoModelForMaskedLM": "dnabert_layer.DNABertForMaskedLM"},
        {name: f"zhihan1996/DNA_bert_6--{module}" for name, module in OWN_CODE.items()},
        OWN_CODE | {"AutoTokenizer": ["tokenization_dna.DNATokenizer", None]},
        {"AutoConfig": "configuration_bert.BertConfig"},
        {},
    ],
)
def test_dnabert_of_its_authors_is_accepted(folder, auto_map):
    """The archive's config does not name the code, which is not packed."""
    change_config(folder, auto_map=auto_map)
    checkpoint = read_checkpoint(folder)
    assert checkpoint.vocabulary.k == 6
    assert "auto_map" not in checkpoint.config


@pytest.mark.parametrize(
    ("auto_map", "module"),
    [
        (OWN_CODE | {"AutoModel": "bert_layers.BertModel"}, "bert_layers"),
        ({"AutoModel": "zhihan1996/DNABERT-2-117M--bert_layers.BertModel"}, "bert_layers"),
        ({"AutoConfig": "configuration_promoter.Config"}, "configuration_promoter"),
        ({"AutoModelForSequenceClassification": "lab/x--my_model.Bert"}, "my_model"),
        ("dnabert_layer.DNABertModel", "not an object"),
    ],
)
def test_other_code_is_refused_by_name(folder, auto_map, module):
    change_config(folder, auto_map=auto_map)
    with pytest.raises(UnsuitableModelError, match=rf"its own code \(.*{module}.*remove auto_map"):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", ["attention.self.query.weight", "intermediate.dense.weight", "output.dense.weight"])
def test_weights_with_other_layers_are_refused(folder, name):
    """DNABERT-2 has attention.self.Wqkv and mlp.gated_layers in their place."""

    def rename(tensors: dict) -> None:
        tensors["bert.encoder.layer.1.other.weight"] = tensors.pop(f"bert.encoder.layer.1.{name}")

    change_config(folder, auto_map=OWN_CODE)
    change_weights(folder, rename)
    with pytest.raises(UnsuitableModelError, match=rf"not those of a plain BERT.*encoder\.layer\.1\.{name}"):
        read_checkpoint(folder)


@pytest.mark.parametrize("size", ["hidden_size", "intermediate_size", "num_hidden_layers", "max_position_embeddings"])
def test_weights_of_other_sizes_than_the_config_are_refused(folder, size):
    change_config(folder, **{size: 777})
    with pytest.raises(UnsuitableModelError, match="not those of a plain BERT of the size in config.json"):
        read_checkpoint(folder)


def test_a_model_of_proteins_of_another_kind_is_refused_as_what_it_is(folder):
    """The task is judged after the model: with --task structure this was called a model of DNA."""
    change_config(folder, model_type="esm")
    with pytest.raises(UnsuitableModelError, match="describes a esm model"):
        read_checkpoint(folder, "structure")


def test_a_config_without_model_type_is_accepted(folder):
    change_config(folder, model_type=None)
    assert read_checkpoint(folder).vocabulary.k == 6


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("config.json", None, "not a Hugging Face folder"),
        ("config.json", b"{", "is not JSON"),
        ("config.json", b"[]", "is not a JSON object"),
        ("config.json", b"1", "is not a JSON object"),
        ("vocab.txt", b"\xff\xfe", "is not a text file"),
        ("model.safetensors", None, "it has no weights"),
        ("model.safetensors", b"", "damaged"),
        ("model.safetensors", b"\xff" * 20, "damaged"),
    ],
)
def test_folders_that_are_not_a_checkpoint_are_refused(folder, name, body, message):
    (folder / name).unlink()
    if body is not None:
        (folder / name).write_bytes(body)
    with pytest.raises(UnsuitableModelError, match=message):
        read_checkpoint(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(("body", "message"), [("{", "is not JSON"), ("[]", "is not a JSON object")])
def test_a_broken_tokenizer_is_refused_with_its_path(folder, name, body, message):
    (folder / name).write_text(body)
    with pytest.raises(UnsuitableModelError, match=f"{name} {message}"):
        read_checkpoint(folder)


def test_a_head_must_fit_its_task(folder, seed):
    assert read_checkpoint(seed, "embed").labels == ()
    with pytest.raises(
        UnsuitableModelError, match=r"no trained head for --task masked.*--task promoter and --task embed"
    ):
        read_checkpoint(seed, "masked")
    language = with_language_head(folder)
    for task in ("masked", "embed"):
        assert read_checkpoint(language, task).vocabulary.k == 6
    with pytest.raises(
        UnsuitableModelError, match=r"no trained head for --task promoter.*--task masked and --task embed"
    ):
        read_checkpoint(language, "promoter")


def test_a_classifier_with_one_class_is_refused(folder):
    def one_class(tensors: dict) -> None:
        for name in ("classifier.weight", "classifier.bias"):
            tensors[name] = tensors[name][:1]

    change_weights(folder, one_class)
    with pytest.raises(UnsuitableModelError, match="one class"):
        read_checkpoint(folder)


# ---------------------------------------------------------------- labels


def test_labels_come_from_the_config_or_the_command_line(folder):
    change_config(folder, id2label=None, label2id=None)
    assert read_checkpoint(folder).labels == ()
    checkpoint = read_checkpoint(folder, labels=("no", "yes"))
    assert checkpoint.labels == ("no", "yes")
    assert (checkpoint.config["id2label"], checkpoint.config["label2id"]) == (
        {"0": "no", "1": "yes"},
        {"no": 0, "yes": 1},
    )


@pytest.mark.parametrize("labels", [("yes",), ("a", "b", "c"), ("yes", "yes")])
def test_there_must_be_a_different_label_for_each_class(seed, labels):
    with pytest.raises(UnsuitableModelError, match="takes 2 different names"):
        read_checkpoint(seed, labels=labels)


def test_labels_for_a_task_without_classes_are_refused(seed):
    with pytest.raises(UnsuitableModelError, match="has no classes"):
        read_checkpoint(seed, "embed", ("no", "yes"))
