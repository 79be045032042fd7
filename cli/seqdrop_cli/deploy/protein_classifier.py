"""ProtBERT with a head that classifies each residue, as transformers saves it: the check, and its conversion.

transformers' class is BertForTokenClassification: a BERT, and one linear layer over the last hidden states. This is the
network that model_code/protein calls `protbert` with a linear head, under other names.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from seqdrop.models.archives import class_names

from seqdrop_cli.deploy.checkpoint import WORD_EMBEDDINGS, check_layers, read_config
from seqdrop_cli.deploy.vocabulary import (
    UnsuitableModelError,
    check_residue_tokenizer,
    read_json_object,
    read_tokens,
)
from seqdrop_cli.deploy.weights import current_name, read_safetensors, read_shapes, rename_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop_cli.deploy.checkpoint import Config
    from seqdrop_cli.deploy.weights import Shapes

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
UNKNOWN = "X"
FRAME = {"pad": "[PAD]", "before": "[CLS]", "after": "[SEP]"}
LONGEST_WINDOW = 1024
"""Residues in one input, if the model has positions for more. It is the default of training in this project; attention
takes memory with the square of the length."""
STATES = {
    "H": ("H", "HELIX", "ALPHA-HELIX"),
    "E": ("E", "STRAND", "SHEET", "BETA-STRAND", "BETA-SHEET"),
    "C": ("C", "COIL", "L", "LOOP", "-"),
    **{state: (state,) for state in "GIBST"},
}
"""Names that checkpoints use for the codes of DSSP."""
TASKS = {"CEH": "ss3", "BCEGHIST": "ss8"}
"""Task of model_code/protein by its classes in alphabetical order."""
UNUSED = re.compile(r"(bert\.)?(pooler\.|embeddings\.position_ids$)|cls\.")
"""Tensors that the prediction does not use: a pooler, a buffer of positions, the head of pre-training."""
OWN_HEAD = {"classifier.weight": "head.weight", "classifier.bias": "head.bias"}


def is_protein_bert(folder: Path) -> bool:
    """Return True if the folder is that of a BERT whose tokens are single residues, with any head or none.

    Return False for broken files; `read_checkpoint` then reports the error.
    """
    try:
        config, tokens = read_json_object(folder / "config.json"), read_tokens(folder)
    except (OSError, UnsuitableModelError):
        return False
    is_bert = config.get("model_type", "bert") == "bert" and "seqdrop" not in config
    return is_bert and set(RESIDUES) <= set(tokens) and all(len(token) == 1 for token in tokens if token.isalpha())


def convert_classifier(folder: Path, labels: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return config.json, vocab.txt and model.safetensors as model_code/protein writes them.

    `labels` name the classes in the order of the logits, instead of the names in config.json. Raise
    UnsuitableModelError if the head does not classify residues by secondary structure, or for weights that
    model_code/protein does not have.
    """
    config, tokens, weights = read_config(folder), read_tokens(folder), read_safetensors(folder)
    shapes = {current_name(name): shape for name, shape in read_shapes(weights).items()}
    _check_head(config, shapes, folder)
    check_residue_tokenizer(folder)
    check_layers(config, shapes)
    classes = _find_classes(labels or class_names(config), shapes["classifier.weight"][0])
    description = {
        "model": "protbert",
        "task": TASKS["".join(sorted(classes))],
        "classes": classes,
        "head": "linear",
        "window": min(LONGEST_WINDOW, int(config.get("max_position_embeddings") or 512) - 2),
        "alphabet": _make_alphabet(tokens, shapes),
    }
    return {
        "config.json": (json.dumps(config | {"seqdrop": description}, indent=2, sort_keys=True) + "\n").encode(),
        "vocab.txt": "".join(f"{token}\n" for token in tokens).encode(),
        "model.safetensors": rename_tensors(weights, _new_name),
    }


def _check_head(config: Config, shapes: Shapes, folder: Path) -> None:
    """Raise UnsuitableModelError unless the head is one linear layer over the states of each residue."""
    name = " ".join(map(str, config.get("architectures") or ()))
    has_pooler = any("pooler." in tensor for tensor in shapes)
    if "ForSequenceClassification" in name or ("classifier.weight" in shapes and not name and has_pooler):
        raise UnsuitableModelError(
            "this is a ProtBERT whose head classifies whole proteins. Seqdrop predicts the secondary structure of each "
            "residue: package a checkpoint of the class BertForTokenClassification"
        )
    if len(shapes.get("classifier.weight", ())) != 2 or "classifier.bias" not in shapes:
        raise UnsuitableModelError(
            "this is a ProtBERT without a head for secondary structure (it lacks classifier.weight or classifier.bias, "
            "a linear layer over each residue). Train one: upload the folder with `seqdrop training weights NAME "
            f"{folder}`, and drop a data set with a job.toml (docs/training.md)"
        )
    known = re.compile(r"(bert\.)?(embeddings|encoder\.layer)\.")
    others = sorted(tensor for tensor in shapes if not (known.match(tensor) or UNUSED.match(tensor)))
    if surplus := [tensor for tensor in others if tensor not in OWN_HEAD]:
        raise UnsuitableModelError(
            f"the head has more than one linear layer: {', '.join(surplus[:3])} would not be used, and the predictions "
            "would differ from those of the model that was trained"
        )


def _find_classes(names: tuple[str, ...], count: int) -> str:
    """Return the code of each class in the order of the logits."""
    codes = {name: code for code, known in STATES.items() for name in known}
    classes = "".join(codes.get(name.strip().upper(), "?") for name in names)
    if len(classes) == count and "".join(sorted(classes)) in TASKS:
        return classes
    stated = f"named {', '.join(names)[:100]}" if names else "without names"
    raise UnsuitableModelError(
        f"this is a ProtBERT that classifies residues. It has {count} classes, {stated}; they must be H, E, C or G, H, "
        "I, B, E, S, T, C. If they are, name them with --labels in the order of the model's outputs"
    )


def _make_alphabet(tokens: tuple[str, ...], shapes: Shapes) -> dict[str, object]:
    """Return the key `alphabet` of a description: the ids of the residues and of the tokens around a protein."""
    ids = {token: number for number, token in enumerate(tokens)}
    missing = [token for token in (UNKNOWN, *FRAME.values()) if token not in ids]
    if missing:
        raise UnsuitableModelError(f"the vocabulary lacks {' '.join(missing)}")
    rows = next(shape[0] for name, shape in shapes.items() if name.endswith(WORD_EMBEDDINGS))
    if len(tokens) > rows or len(ids) < len(tokens):
        raise UnsuitableModelError(
            f"the vocabulary has {len(tokens)} tokens, {len(ids)} of them different, and the model {rows}: the ids are "
            "not those that the model was trained with. Use the vocab.txt with which it was trained"
        )
    residues = {residue: ids[residue] for residue in RESIDUES + UNKNOWN}
    return {"residues": residues, **{name: ids[token] for name, token in FRAME.items()}}


def _new_name(name: str) -> str | None:
    """Return the name of a tensor in a model of model_code/protein; None if it has no such tensor."""
    name = current_name(name)
    if UNUSED.match(name):
        return None
    return OWN_HEAD.get(name) or f"encoder.{name.removeprefix('bert.')}"
