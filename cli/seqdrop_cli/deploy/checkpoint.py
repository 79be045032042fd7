"""A Hugging Face folder, checked before it becomes an archive: config, vocabulary, weights, head, labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.kind import DNA, Kind
from seqdrop.kinds.plans import KINDS
from seqdrop.models.archives import class_names

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError, Vocabulary, read_vocabulary
from seqdrop_cli.deploy.weights import safetensors, shapes

if TYPE_CHECKING:
    from pathlib import Path

KINDS_OF_DNA = KINDS.of_alphabet(DNA)
WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True)
class Checkpoint:
    """What a sound folder holds. `labels` is empty where the classes have no names."""

    config: dict
    vocabulary: Vocabulary
    weights: bytes
    labels: tuple[str, ...]

    @property
    def longest(self) -> int:
        """Bases in the longest window that its positions cover."""
        return self.config.get("max_position_embeddings", 512) - 2 + self.vocabulary.k - 1


def read_checkpoint(folder: Path, task: str | None = None, labels: tuple[str, ...] = ()) -> Checkpoint:
    """The checkpoint for a task, the default one of DNA where none is named.

    `labels` name its classes, class 0 first, in place of the config's names.

    Raises UnsuitableModelError that says what keeps the model code from answering, or from answering sense.
    """
    kind = kind_of_dna(task)
    config = _config(folder)
    vocabulary, weights = read_vocabulary(folder), safetensors(folder)
    found = shapes(weights)
    _check_sizes(config, vocabulary, found)
    _check_head(found, kind)
    if labels:
        config = _named(config, labels, found, kind)
    names = class_names(config) if kind.names_classes else ()
    return Checkpoint(config, vocabulary, weights, names)


def kind_of_dna(task: str | None) -> Kind:
    """Return the kind of a task for a model of DNA; the default one where none is named.

    Raises UnsuitableModelError.
    """
    kind = KINDS.with_task(task, DNA)
    if kind is None:
        raise UnsuitableModelError(
            f"{task} is for proteins, and this is a model of DNA; it may do {', '.join(KINDS_OF_DNA)}"
        )
    return kind


def _config(folder: Path) -> dict:
    path = folder / "config.json"
    if not path.is_file():
        raise UnsuitableModelError(f"{path} is not there, so this is no Hugging Face folder")
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnsuitableModelError(f"{path} is no JSON: {error}") from error
    kind = config.get("model_type", "bert")  # DNABERT's own folders are older than model_type
    if kind != "bert" or "alibi_starting_size" in config or "auto_map" in config:
        what = f"a {kind} model" if kind != "bert" else "a BERT with code of its own, as DNABERT-2 is"
        raise UnsuitableModelError(f"config.json is of {what}; this model code runs DNABERT, a plain BERT over k-mers")
    return config


def _check_sizes(config: dict, vocabulary: Vocabulary, found: dict[str, tuple[int, ...]]) -> None:
    """Vocabulary, config and embeddings must speak of as many tokens: ids of another k mean other k-mers."""
    rows = next((shape[0] for name, shape in found.items() if name.endswith(WORDS)), None)
    if rows is None:
        raise UnsuitableModelError("the weights hold no BERT: there are no word embeddings")
    if rows != config.get("vocab_size"):
        raise UnsuitableModelError(f"config.json says {config.get('vocab_size')} tokens, the weights have {rows}")
    tokens, k = len(vocabulary.tokens), vocabulary.k
    if tokens > rows or rows >= 4 ** (k + 1):
        raise UnsuitableModelError(
            f"the vocabulary has {tokens} tokens of {k}-mers, the model {rows}: it was trained with another k, and "
            "would take each id for another k-mer. Take the vocab.txt that it was trained with"
        )


def _check_head(found: dict[str, tuple[int, ...]], kind: Kind) -> None:
    if kind.head and kind.head not in found:
        has = [one.task for one in KINDS_OF_DNA.values() if not one.head or one.head in found]
        raise UnsuitableModelError(
            f"the checkpoint has no trained head for --task {kind.task} (there is no {kind.head}); it is fit for "
            f"{' and '.join('--task ' + one for one in has)}"
        )
    if kind.names_classes and found[kind.head][0] < 2:
        raise UnsuitableModelError("the classifier has one class; two or more are needed, class 1 the positive one")


def _named(config: dict, labels: tuple[str, ...], found: dict[str, tuple[int, ...]], kind: Kind) -> dict:
    if not kind.names_classes:
        of = " and ".join(one.task for one in KINDS_OF_DNA.values() if one.names_classes)
        raise UnsuitableModelError(f"--labels are for --task {of}; {kind.task} has no classes")
    classes = found[kind.head][0]
    if len(labels) != classes or len(set(labels)) != classes:
        raise UnsuitableModelError(
            f"the model has {classes} classes, so --labels takes {classes} different names, class 0 first"
        )
    numbered = {str(index): label for index, label in enumerate(labels)}
    return {**config, "id2label": numbered, "label2id": {label: index for index, label in enumerate(labels)}}
