"""What train.py is told: the hyperparameters of the job, as text, and SageMaker's folders."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NoReturn

import encoders
import heads
from networks import CLASSES

PROFILES = ("single", "ddp", "fsdp", "fsdp_offload", "lora")
PRECISIONS = ("auto", "bf16", "fp32")
CHECKPOINTS = "/opt/ml/checkpoints"


@dataclass(frozen=True)
class Arguments:
    """One training run. Checks what goes together; ValueError says what does not."""

    data: Path
    model_dir: Path
    output_dir: Path
    checkpoints: Path
    start_from: Path | None
    model: str
    task: str
    epochs: int
    learning_rate: float
    tokens_per_batch: int
    accumulate: int
    max_length: int
    seed: int
    patience: int
    head: str
    freeze_encoder: bool
    profile: str
    activation_checkpointing: bool
    activation_offloading: bool
    lora_rank: int
    precision: str

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
        """All that is no folder."""
        return {field.name: getattr(self, field.name) for field in fields(self) if "Path" not in str(field.type)}


def flag(text: str) -> bool:
    """SageMaker gives booleans as text."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


class Parser(argparse.ArgumentParser):
    """Raises what is wrong, so that it reaches the job's failure text."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (train.py --help lists what there is)")


def parser(doc: str, env: Mapping[str, str]) -> Parser:
    found = Parser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add = found.add_argument_group("folders").add_argument
    add("--data", default=env.get("SM_CHANNEL_DATA"), type=Path, help="train, validation and test.jsonl")
    add("--start-from", default=env.get("SM_CHANNEL_MODEL"), type=Path, help="pre-trained folder, or its model.tar.gz")
    add("--model-dir", default=env.get("SM_MODEL_DIR"), type=Path, help="where the model is written")
    add("--output-dir", default=env.get("SM_OUTPUT_DATA_DIR"), type=Path, help="where card.json is written as well")
    add("--checkpoints", default=env.get("SEQDROP_CHECKPOINTS", CHECKPOINTS), type=Path, help="to go on from")
    add = found.add_argument_group("the model").add_argument
    add("--model", choices=encoders.NAMES, default="cnn", help="default cnn, which needs no weights")
    add("--task", choices=CLASSES, default="ss3", help="three or eight classes (default ss3)")
    add("--head", choices=heads.NAMES, default="linear", help="default linear")
    add("--freeze_encoder", type=flag, default=False, help="train the head alone (default false)")
    add("--max_length", type=int, default=1024, help="residues at once; longer proteins are cut (default 1024)")
    add = found.add_argument_group("training").add_argument
    add("--epochs", type=int, default=10, help="passes over the data, at most (default 10)")
    add("--patience", type=int, default=3, help="epochs without a better validation before it ends; 0 never")
    add("--learning_rate", type=float, default=5e-4, help="at its peak (default 5e-4)")
    add("--tokens_per_batch", type=int, default=6000, help="in one process, padding included (default 6000)")
    add("--accumulate", type=int, default=1, help="batches in a step (default 1)")
    add("--seed", type=int, default=1, help="of weights, order and dropout (default 1)")
    add = found.add_argument_group("how it is spread").add_argument
    add("--profile", choices=PROFILES, default="single", help="default single; the others run under torchrun")
    add("--activation_checkpointing", type=flag, default=False, help="compute a block again rather than keep it")
    add("--activation_offloading", type=flag, default=False, help="keep the blocks' inputs in the CPU's memory")
    add("--lora_rank", type=int, default=8, help="of the adapters of profile lora (default 8)")
    add("--precision", choices=PRECISIONS, default="auto", help="auto is bf16 on a GPU that has it, else fp32")
    return found


def parse(doc: str, argv: list[str] | None = None, env: Mapping[str, str] = os.environ) -> Arguments:
    """ValueError says which argument is missing, unknown or unfit."""
    found = vars(parser(doc, env).parse_args(argv))
    missing = [name for name in ("data", "model_dir") if found[name] is None]
    if missing:
        raise ValueError(f"--{' and --'.join(missing)} needed (a training job sets them)".replace("_", "-"))
    found["output_dir"] = found["output_dir"] or found["model_dir"]
    return Arguments(**found)
