"""The arguments of train.py: the hyperparameters of the job, which are passed as text, and SageMaker's folders."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import encoders
import heads
from common.command_line import describe, make_parser, read_values
from networks import CLASSES
from transformers import HfArgumentParser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROFILES = ("single", "ddp", "fsdp", "fsdp_offload", "lora")
PRECISIONS = ("auto", "bf16", "fp32")
CHECKPOINTS = "/opt/ml/checkpoints"
FOLDERS = {
    "data": "SM_CHANNEL_DATA",
    "start_from": "SM_CHANNEL_MODEL",
    "model_dir": "SM_MODEL_DIR",
    "output_dir": "SM_OUTPUT_DATA_DIR",
    "checkpoints": "SEQDROP_CHECKPOINTS",
}
"""The environment variable in which each folder is passed."""


@dataclass(frozen=True)
class Folders:
    """Arguments for input and output folders."""

    _argument_group_name = "folders"

    data: Path | None = field(default=None, metadata=describe("folder with train, validation and test.jsonl"))
    start_from: Path | None = field(default=None, metadata=describe("pre-trained folder, or its model.tar.gz"))
    model_dir: Path | None = field(default=None, metadata=describe("output folder of the model"))
    output_dir: Path | None = field(default=None, metadata=describe("second output folder of card.json"))
    checkpoints: Path = field(default=Path(CHECKPOINTS), metadata=describe("checkpoints to resume from"))


@dataclass(frozen=True)
class Model:
    """Arguments for the model."""

    _argument_group_name = "the model"

    model: str = field(
        default="cnn", metadata=describe("model family (default cnn, which needs no weights)", choices=encoders.NAMES)
    )
    task: str = field(default="ss3", metadata=describe("three or eight classes (default ss3)", choices=tuple(CLASSES)))
    head: str = field(default="linear", metadata=describe("default linear", choices=heads.NAMES))
    freeze_encoder: bool = field(default=False, metadata=describe("train only the head (default false)"))
    max_length: int = field(
        default=1024, metadata=describe("maximum residues in an input; longer proteins are cut (default 1024)")
    )


@dataclass(frozen=True)
class Training:
    """Arguments for the training itself."""

    _argument_group_name = "training"

    epochs: int = field(default=10, metadata=describe("maximum passes over the data (default 10)"))
    patience: int = field(
        default=3,
        metadata=describe("stop after this number of epochs without a better validation; 0 never stops (default 3)"),
    )
    learning_rate: float = field(default=5e-4, metadata=describe("peak learning rate (default 5e-4)"))
    tokens_per_batch: int = field(
        default=6000, metadata=describe("tokens of a batch in one process, including padding (default 6000)")
    )
    accumulate: int = field(default=1, metadata=describe("batches in a step (default 1)"))
    seed: int = field(default=1, metadata=describe("seed of weights, order and dropout (default 1)"))


@dataclass(frozen=True)
class Distribution:
    """Arguments for the distribution over processes, and for memory and precision."""

    _argument_group_name = "distribution"

    profile: str = field(
        default="single", metadata=describe("default single; the others run under torchrun", choices=PROFILES)
    )
    activation_checkpointing: bool = field(
        default=False, metadata=describe("recompute the activations of a block instead of storing them")
    )
    activation_offloading: bool = field(
        default=False, metadata=describe("store the inputs of the blocks in the CPU's memory")
    )
    lora_rank: int = field(default=8, metadata=describe("rank of the adapters of profile lora (default 8)"))
    precision: str = field(
        default="auto", metadata=describe("auto is bf16 on a GPU that supports it, else fp32", choices=PRECISIONS)
    )


GROUPS = (Folders, Model, Training, Distribution)


@dataclass(frozen=True)
class Arguments(Folders, Model, Training, Distribution):
    """The arguments of one training run. Raises ValueError for values out of range and for conflicting ones."""

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "tokens_per_batch", "accumulate", "max_length", "lora_rank"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be over 0")
        is_own = self.model == "cnn"
        if is_own and (self.freeze_encoder or self.profile == "lora"):
            raise ValueError("model cnn has no pre-trained encoder; freeze_encoder and profile lora require one")
        if not is_own and self.start_from is None:
            raise ValueError(
                f"model {self.model} starts from pre-trained weights: the channel `model` is missing (or --start-from)"
            )
        if self.profile == "lora" and self.freeze_encoder:
            raise ValueError("profile lora trains adapters of the encoder; it cannot be combined with freeze_encoder")
        if self.activation_offloading and not self.activation_checkpointing:
            raise ValueError("activation_offloading requires activation_checkpointing, whose stored inputs it moves")

    def hyperparameters(self) -> dict[str, Any]:
        """Return all arguments that are not folders."""
        return {item.name: getattr(self, item.name) for group in GROUPS[1:] for item in fields(group)}


class Parser(HfArgumentParser):
    """A parser that raises ValueError instead of exiting, so that the reason appears in the job's failure message."""

    def error(self, message: str) -> NoReturn:
        """Raise ValueError."""
        raise ValueError(f"{message} (train.py --help lists all arguments)")


def parse(doc: str, argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> Arguments:
    """Return the arguments of a command line. Raise ValueError for a missing, unknown or invalid one."""
    parser = make_parser(GROUPS, doc, {name: env.get(variable) for name, variable in FOLDERS.items()}, Parser)
    values = read_values(parser, argv)
    missing = [name for name in ("data", "model_dir") if values[name] is None]
    if missing:
        flags = ", ".join(f"--{name}".replace("_", "-") for name in missing)
        raise ValueError(f"missing arguments: {flags} (a training job sets them)")
    values["output_dir"] = values["output_dir"] or values["model_dir"]
    return Arguments(**values)
