"""The arguments of train.py: the hyperparameters of the job, as text, and SageMaker's folders."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

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


@dataclass(frozen=True)
class Folders:
    _argument_group_name = "folders"

    data: Path | None = field(default=None, metadata=describe("train, validation and test.jsonl"))
    start_from: Path | None = field(default=None, metadata=describe("pre-trained folder, or its model.tar.gz"))
    model_dir: Path | None = field(default=None, metadata=describe("where the model is written"))
    output_dir: Path | None = field(default=None, metadata=describe("where card.json is written as well"))
    checkpoints: Path = field(default=Path(CHECKPOINTS), metadata=describe("to go on from"))


@dataclass(frozen=True)
class Model:
    _argument_group_name = "the model"

    model: str = field(default="cnn", metadata=describe("default cnn, which needs no weights", choices=encoders.NAMES))
    task: str = field(default="ss3", metadata=describe("three or eight classes (default ss3)", choices=tuple(CLASSES)))
    head: str = field(default="linear", metadata=describe("default linear", choices=heads.NAMES))
    freeze_encoder: bool = field(default=False, metadata=describe("train the head alone (default false)"))
    max_length: int = field(default=1024, metadata=describe("residues at once; longer proteins are cut (default 1024)"))


@dataclass(frozen=True)
class Training:
    _argument_group_name = "training"

    epochs: int = field(default=10, metadata=describe("passes over the data, at most (default 10)"))
    patience: int = field(default=3, metadata=describe("epochs without a better validation before it ends; 0 never"))
    learning_rate: float = field(default=5e-4, metadata=describe("at its peak (default 5e-4)"))
    tokens_per_batch: int = field(default=6000, metadata=describe("in one process, padding included (default 6000)"))
    accumulate: int = field(default=1, metadata=describe("batches in a step (default 1)"))
    seed: int = field(default=1, metadata=describe("of weights, order and dropout (default 1)"))


@dataclass(frozen=True)
class Spreading:
    _argument_group_name = "how it is spread"

    profile: str = field(
        default="single", metadata=describe("default single; the others run under torchrun", choices=PROFILES)
    )
    activation_checkpointing: bool = field(
        default=False, metadata=describe("compute a block again rather than keep it")
    )
    activation_offloading: bool = field(default=False, metadata=describe("keep the blocks' inputs in the CPU's memory"))
    lora_rank: int = field(default=8, metadata=describe("of the adapters of profile lora (default 8)"))
    precision: str = field(
        default="auto", metadata=describe("auto is bf16 on a GPU that has it, else fp32", choices=PRECISIONS)
    )


GROUPS = (Folders, Model, Training, Spreading)


@dataclass(frozen=True)
class Arguments(Folders, Model, Training, Spreading):
    """One training run. Checks what goes together. Raise ValueError for what does not."""

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "tokens_per_batch", "accumulate", "max_length", "lora_rank"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be over 0")
        own = self.model == "cnn"
        if own and (self.freeze_encoder or self.profile == "lora"):
            raise ValueError("model cnn has no pre-trained encoder: neither freeze_encoder nor profile lora is for it")
        if not own and self.start_from is None:
            raise ValueError(f"model {self.model} starts from pre-trained weights: the channel `model` is missing")
        if self.profile == "lora" and self.freeze_encoder:
            raise ValueError("profile lora trains the encoder's adapters; with freeze_encoder nothing of it is trained")
        if self.activation_offloading and not self.activation_checkpointing:
            raise ValueError("activation_offloading moves what activation_checkpointing keeps: it needs that as well")

    def hyperparameters(self) -> dict:
        """Return all arguments that are not folders."""
        return {item.name: getattr(self, item.name) for group in GROUPS[1:] for item in fields(group)}


class Parser(HfArgumentParser):
    """Raises what is wrong, so that it reaches the job's failure text."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (train.py --help lists what there is)")


def parse(doc: str, argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> Arguments:
    """Return the arguments of a command line. Raise ValueError for a missing, unknown or unfit one."""
    parser = make_parser(GROUPS, doc, {name: env.get(variable) for name, variable in FOLDERS.items()}, Parser)
    settings = read_values(parser, argv)
    missing = [name for name in ("data", "model_dir") if settings[name] is None]
    if missing:
        raise ValueError(f"--{' and --'.join(missing)} needed (a training job sets them)".replace("_", "-"))
    settings["output_dir"] = settings["output_dir"] or settings["model_dir"]
    return Arguments(**settings)
