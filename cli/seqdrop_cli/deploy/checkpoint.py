"""The check of a Hugging Face folder before it becomes an archive: config, vocabulary, weights, head, labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.config.kind import DNA, Kind
from seqdrop.kinds.plans import KINDS
from seqdrop.models.archives import class_names

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError, Vocabulary, read_json_object, read_vocabulary
from seqdrop_cli.deploy.weights import Shapes, read_safetensors, read_shapes

if TYPE_CHECKING:
    from pathlib import Path

DNA_KINDS = KINDS.of_alphabet(DNA)
WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"
HUB_CODE = {"configuration_bert", "dnabert_layer"}
"""Modules in the repositories of DNABERT's authors on the hub (k = 3 to 6), whose weights are those of a plain BERT."""
TRAINING_HINTS = {
    "t5": ", and ProtBERT with a head for secondary structure. If it is ProtT5, train a head: upload the folder with "
    "`seqdrop training weights`, and drop a data set (docs/training.md)"
}
DEFAULT_SIZES = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "max_position_embeddings": 512}
"""What transformers' BertConfig assumes if config.json lacks a size."""
Config = dict[str, Any]  # config.json of transformers, whose keys depend on the model


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checked folder. `labels` is empty if the classes have no names."""

    config: Config
    vocabulary: Vocabulary
    weights: bytes
    labels: tuple[str, ...]

    @property
    def longest(self) -> int:
        """The number of bases in the longest window for which the model has positions."""
        return int(self.config.get("max_position_embeddings", 512)) - 2 + self.vocabulary.k - 1


def read_checkpoint(folder: Path, task: str | None = None, labels: tuple[str, ...] = ()) -> Checkpoint:
    """Read the checkpoint for a task; None is the default task of DNA. The config is without `auto_map`.

    `labels` name its classes, class 0 first, instead of the names in config.json. Raise UnsuitableModelError if the
    model code could not predict with the checkpoint, or would predict nonsense.
    """
    config = read_config(folder)
    kind = find_dna_kind(task)
    vocabulary, weights = read_vocabulary(folder), read_safetensors(folder)
    shapes = read_shapes(weights)
    _check_sizes(config, vocabulary, shapes)
    check_layers(config, shapes)
    _check_head(shapes, kind)
    if labels:
        config = _with_labels(config, labels, shapes, kind)
    names = class_names(config) if kind.names_classes else ()
    return Checkpoint(config, vocabulary, weights, names)


def find_dna_kind(task: str | None) -> Kind:
    """Return the kind of a task for a model of DNA; None is the default task. Raise UnsuitableModelError."""
    kind = KINDS.with_task(task, DNA)
    if kind is None:
        raise UnsuitableModelError(
            f"--task {task} is for proteins, but this is a model of DNA; its tasks are {', '.join(DNA_KINDS)}"
        )
    return kind


def read_config(folder: Path) -> Config:
    """Return the config of a plain BERT, without `auto_map`. Raise UnsuitableModelError for another model."""
    path = folder / "config.json"
    if not path.is_file():
        raise UnsuitableModelError(f"{path} does not exist, so {folder} is not a Hugging Face folder")
    config: Config = read_json_object(path)
    model_type = config.get("model_type", "bert")  # DNABERT's own folders are older than model_type
    if model_type != "bert" or "alibi_starting_size" in config:
        model = f"a {model_type} model" if model_type != "bert" else "a BERT with other attention, such as DNABERT-2"
        raise UnsuitableModelError(
            f"config.json describes {model}; this model code runs DNABERT, a plain BERT over k-mers"
            + TRAINING_HINTS.get(model_type, "")
        )
    if modules := sorted(_model_modules(config.pop("auto_map", None)) - HUB_CODE):
        raise UnsuitableModelError(
            f"config.json names a BERT with its own code ({', '.join(modules)}), such as DNABERT-2. This model code "
            "runs DNABERT, a plain BERT over k-mers. If the model computes as transformers' BERT does, remove auto_map "
            "from config.json"
        )
    return config


def _model_modules(auto_map: object) -> set[str]:
    """Return the modules from which transformers would load the config and the model.

    A value is `module.Class`, after `owner/name--` if the module is in another repository. Tokenizers are left out,
    because the vocabulary is checked itself.
    """
    if auto_map is None:
        return set()
    if not isinstance(auto_map, dict):
        return {"an auto_map that is not an object"}
    names = [name for key, name in auto_map.items() if str(key).startswith(("AutoConfig", "AutoModel"))]
    return {str(name).rsplit("--", maxsplit=1)[-1].split(".", maxsplit=1)[0] for name in names}


def check_layers(config: Config, shapes: Shapes) -> None:
    """Raise UnsuitableModelError if the weights lack the layers of a plain BERT, or have them in other sizes."""
    sizes = {name: int(config.get(name) or size) for name, size in DEFAULT_SIZES.items()}
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]
    expected = {"embeddings.position_embeddings.weight": (sizes["max_position_embeddings"], width)}
    for number in range(sizes["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        expected |= {f"{layer}attention.self.{part}.weight": (width, width) for part in ("query", "key", "value")}
        expected |= {f"{layer}attention.output.dense.weight": (width, width)}
        expected |= {f"{layer}intermediate.dense.weight": (inner, width), f"{layer}output.dense.weight": (width, inner)}
    names = {name.removeprefix("bert."): shape for name, shape in shapes.items()}
    wrong = [name for name, shape in expected.items() if names.get(name) != shape]
    if wrong:
        raise UnsuitableModelError(
            f"the weights are not those of a plain BERT of the size in config.json: {wrong[0]} is missing or has "
            "another shape. A model with other layers, such as DNABERT-2, cannot be run by this model code"
        )


def _check_sizes(config: Config, vocabulary: Vocabulary, shapes: Shapes) -> None:
    """Raise UnsuitableModelError if the numbers of tokens in vocabulary, config and embeddings do not fit together.

    With a vocabulary of another k, the same ids would mean other k-mers.
    """
    rows = next((shape[0] for name, shape in shapes.items() if name.endswith(WORD_EMBEDDINGS)), None)
    if rows is None:
        raise UnsuitableModelError("the weights are not those of a BERT: they have no word embeddings")
    if rows != config.get("vocab_size"):
        raise UnsuitableModelError(f"config.json has {config.get('vocab_size')} tokens, the weights have {rows}")
    tokens, k = len(vocabulary.tokens), vocabulary.k
    if tokens > rows or rows >= 4 ** (k + 1):
        raise UnsuitableModelError(
            f"the vocabulary has {tokens} tokens of {k}-mers, the model {rows}: the model was trained with another k, "
            "and would take each id for another k-mer. Use the vocab.txt with which the model was trained"
        )


def _check_head(shapes: Shapes, kind: Kind) -> None:
    if kind.head and kind.head not in shapes:
        tasks = [other.task for other in DNA_KINDS.values() if not other.head or other.head in shapes]
        raise UnsuitableModelError(
            f"the checkpoint has no trained head for --task {kind.task} (it lacks {kind.head}); it is suitable for "
            f"{' and '.join(f'--task {task}' for task in tasks)}"
        )
    if kind.names_classes and shapes[kind.head][0] < 2:
        raise UnsuitableModelError("the classifier has one class; at least two are needed, class 1 the positive one")


def _with_labels(config: Config, labels: tuple[str, ...], shapes: Shapes, kind: Kind) -> Config:
    if not kind.names_classes:
        tasks = " and ".join(other.task for other in DNA_KINDS.values() if other.names_classes)
        raise UnsuitableModelError(f"--labels are for --task {tasks}; {kind.task} has no classes")
    classes = shapes[kind.head][0]
    if len(labels) != classes or len(set(labels)) != classes:
        raise UnsuitableModelError(
            f"the model has {classes} classes, so --labels takes {classes} different names, class 0 first"
        )
    names = {str(index): label for index, label in enumerate(labels)}
    return {**config, "id2label": names, "label2id": {label: index for index, label in enumerate(labels)}}
