"""The arguments of train.py. Each is also a hyperparameter of the same name."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from common.command_line import describe, make_parser, read_values

if TYPE_CHECKING:
    from collections.abc import Sequence

TASKS = ("promoter", "masked")
FOLDERS = {
    "train": "SM_CHANNEL_TRAIN",
    "validation": "SM_CHANNEL_VALIDATION",
    "start_from": "SM_CHANNEL_MODEL",
    "model_dir": "SM_MODEL_DIR",
    "checkpoints": "SEQDROP_CHECKPOINTS",
}
"""The environment variable in which SageMaker, or the embedded one, passes each folder."""
CHECKPOINTS = "/opt/ml/checkpoints"
"""The folder of a training job that SageMaker copies to S3 and restores after a spot interruption."""


@dataclass(frozen=True)
class DataAndModel:
    """Arguments for the data and the model folder."""

    _argument_group_name = "data and model"

    train: Path | None = field(default=None, metadata=describe("training file or folder"))
    validation: Path | None = field(default=None, metadata=describe("file or folder evaluated after each epoch"))
    task: str = field(
        default="promoter", metadata=describe("what to train (default promoter: a classifier)", choices=TASKS)
    )
    model_dir: Path | None = field(default=None, metadata=describe("output folder of the model"))
    checkpoints: Path | None = field(
        default=None,
        metadata=describe(f"checkpoints to resume from (default: in a training job {CHECKPOINTS}, else none)"),
    )
    start_from: Path | None = field(
        default=None, metadata=describe("checkpoint folder, or a folder that contains its model.tar.gz")
    )


@dataclass(frozen=True)
class NewModel:
    """Arguments for the shape of a new model."""

    _argument_group_name = "the model, unless --start_from is given"

    # A training job passes a name of one letter with one hyphen.
    k: int = field(default=6, metadata=describe("bases in a token (default 6)", choices=range(3, 7), aliases="-k"))
    layers: int = field(default=2, metadata=describe("transformer layers (default 2)"))
    hidden: int = field(default=128, metadata=describe("width (default 128)"))
    heads: int = field(default=2, metadata=describe("attention heads (default 2)"))
    positions: int = field(default=512, metadata=describe("maximum tokens in an input (default 512)"))
    dropout: float = field(default=0.1, metadata=describe("dropout probability (default 0.1)"))


@dataclass(frozen=True)
class Training:
    """Arguments for the training itself."""

    _argument_group_name = "training"

    epochs: int = field(default=4, metadata=describe("passes over the data (default 4)"))
    batch_size: int = field(default=64, metadata=describe("sequences in a step (default 64)"))
    learning_rate: float | None = field(
        default=None, metadata=describe("peak learning rate (default 6e-4; with --start_from 2e-5)")
    )
    warmup: float = field(default=0.1, metadata=describe("share of the steps before the peak (default 0.1)"))
    weight_decay: float = field(default=0.01, metadata=describe("weight decay of AdamW (default 0.01)"))
    hide: float | None = field(
        default=None,
        metadata=describe("share of the k-mers masked in training (default 0.1; for task masked 0.2)"),
    )
    precision: str = field(
        default="fp32", metadata=describe("fp32, or bf16 if the processor supports it", choices=("fp32", "bf16"))
    )
    seed: int = field(default=1, metadata=describe("seed of weights, order and dropout (default 1)"))


GROUPS = (DataAndModel, NewModel, Training)


@dataclass(frozen=True)
class Hyperparameters(DataAndModel, NewModel, Training):
    """All arguments of a training run. `learning_rate` and `hide` are always set."""

    def identity(self) -> dict[str, object]:
        """Return the arguments that two processes of one run have in common: all but the folders."""
        return {name: value for name, value in asdict(self).items() if name not in FOLDERS}


def parse(doc: str, argv: Sequence[str] | None = None) -> Hyperparameters:
    """Return the arguments of a command line. Exit the process with a usage message if one is invalid or missing."""
    parser = make_parser(GROUPS, doc, {name: os.environ.get(variable) for name, variable in FOLDERS.items()})
    values = read_values(parser, argv)
    if not values["train"] or not values["model_dir"]:
        parser.error("--train and --model-dir are required (a training job sets both)")
    if values["checkpoints"] is None and FOLDERS["model_dir"] in os.environ:
        values["checkpoints"] = Path(CHECKPOINTS)
    if values["learning_rate"] is None:
        values["learning_rate"] = 2e-5 if values["start_from"] else 6e-4
    if values["hide"] is None:
        values["hide"] = 0.2 if values["task"] == "masked" else 0.1
    return Hyperparameters(**values)
