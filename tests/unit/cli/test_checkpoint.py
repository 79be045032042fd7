"""What a checkpoint folder is refused for, before it becomes an archive: mostly ways to make each token [UNK]."""

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


def test_a_seed_is_sound(seed):
    found = read_checkpoint(seed)
    assert (found.vocabulary.k, found.longest, found.labels) == (6, 70, ("not core promoter", "core promoter"))
    assert found.vocabulary.text() == (seed / "vocab.txt").read_bytes()


# ---------------------------------------------------------------- vocabularies


@pytest.mark.parametrize(
    ("tokens", "said"),
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
def test_vocabularies_that_are_refused(folder, tokens, said):
    write_vocabulary(folder, *tokens)
    with pytest.raises(UnsuitableModelError, match=said):
        read_checkpoint(folder)


def test_a_byte_pair_vocabulary_is_dnabert_2s(folder):
    (folder / "vocab.txt").unlink()
    write_tokenizer(folder, "BPE", [*SPECIALS, "A", "C", "G", "T", "TATA", "GCGC"])
    with pytest.raises(UnsuitableModelError, match=r"BPE vocabulary, as DNABERT-2 has it.*\[UNK\]"):
        read_checkpoint(folder)


def test_a_folder_without_tokens(folder):
    (folder / "vocab.txt").unlink()
    with pytest.raises(UnsuitableModelError, match=r"neither vocab\.txt nor tokenizer\.json"):
        read_checkpoint(folder)


def test_the_tokens_of_a_folder_that_transformers_5_saved(folder, seed):
    """It writes no vocab.txt any more."""
    tokens = seed_tokens(folder)
    (folder / "vocab.txt").unlink()
    write_tokenizer(folder, "WordPiece", tokens)
    assert read_checkpoint(folder).vocabulary.text() == (seed / "vocab.txt").read_bytes()


@pytest.mark.parametrize("keeps_text", [True, False])
def test_the_trap_of_transformers_5(folder, keeps_text):
    """BertTokenizer(vocab.txt), and save_pretrained: what it learnt of DNABERT's vocabulary is that all is [UNK]."""
    transformers = pytest.importorskip("transformers", minversion="5")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    assert set(tokenizer.tokenize("CTAATC TAATCT")) == {"[UNK]"}
    if not keeps_text:
        (folder / "vocab.txt").unlink()
    tokenizer.save_pretrained(folder)
    with pytest.raises(UnsuitableModelError, match=r"every token is \[UNK\] to it"):
        read_checkpoint(folder)


def test_the_same_trap_in_older_dress(folder):
    write_tokenizer(folder, "WordPiece", list(SPECIALS))  # five tokens, of a dict that was taken for a file
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
    ("changes", "said"),
    [
        ({"model_type": "esm"}, "an? esm model"),
        ({"alibi_starting_size": 512}, "as DNABERT-2 is"),
        ({"auto_map": {"AutoModel": "bert_layers.BertModel"}}, "code of its own"),
        ({"vocab_size": 4096}, "config.json says 4096 tokens, the weights have 4101"),
    ],
)
def test_configs_that_are_refused(folder, changes, said):
    change_config(folder, **changes)
    with pytest.raises(UnsuitableModelError, match=said):
        read_checkpoint(folder)


def test_a_config_that_is_older_than_model_type(folder):
    change_config(folder, model_type=None)
    assert read_checkpoint(folder).vocabulary.k == 6


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("config.json", None, "no Hugging Face folder"),
        ("config.json", b"{", "is no JSON"),
        ("model.safetensors", None, "it has no weights"),
        ("model.safetensors", b"", "damaged"),
        ("model.safetensors", b"\xff" * 20, "damaged"),
    ],
)
def test_folders_that_are_no_checkpoint(folder, name, body, said):
    (folder / name).unlink()
    if body is not None:
        (folder / name).write_bytes(body)
    with pytest.raises(UnsuitableModelError, match=said):
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


def test_a_regression_is_no_classifier(folder):
    def one_class(tensors: dict) -> None:
        for name in ("classifier.weight", "classifier.bias"):
            tensors[name] = tensors[name][:1]

    change_weights(folder, one_class)
    with pytest.raises(UnsuitableModelError, match="one class"):
        read_checkpoint(folder)


# ---------------------------------------------------------------- labels


def test_labels_are_those_of_the_config_or_those_given(folder):
    change_config(folder, id2label=None, label2id=None)
    assert read_checkpoint(folder).labels == ()
    found = read_checkpoint(folder, labels=("no", "yes"))
    assert found.labels == ("no", "yes")
    assert (found.config["id2label"], found.config["label2id"]) == ({"0": "no", "1": "yes"}, {"no": 0, "yes": 1})


@pytest.mark.parametrize("labels", [("yes",), ("a", "b", "c"), ("yes", "yes")])
def test_labels_that_are_not_the_models(seed, labels):
    with pytest.raises(UnsuitableModelError, match="takes 2 different names"):
        read_checkpoint(seed, labels=labels)


def test_only_classes_have_labels(seed):
    with pytest.raises(UnsuitableModelError, match="has no classes"):
        read_checkpoint(seed, "embed", ("no", "yes"))
