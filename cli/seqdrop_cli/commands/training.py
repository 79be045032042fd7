"""The commands on trainings: training push, training weights and models use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.models.code_bundles import PROGRAMS, push_program
from seqdrop.models.registry import Version, make_current
from seqdrop.runtime.services import now

from seqdrop_cli import target as targets
from seqdrop_cli.deploy.pretrained_weights import push_weights
from seqdrop_cli.deploy.training_code import pack_program

if TYPE_CHECKING:
    from rich.console import Console


def push(options, console: Console) -> int:
    """The scripts of model_code/ become what training jobs run."""
    target = targets.find(options.stack)
    for name in PROGRAMS:
        body = pack_program(options.code / name)
        program = push_program(target.client("s3"), target.results, name, body, now())
        _say(console, f"training jobs of {name} now run s3://{target.results}/{program.prefix}")
    return 0


def weights(options, console: Console) -> int:
    """A folder of pre-trained weights becomes a model that job.toml may name."""
    target = targets.find(options.stack)
    key = push_weights(target.client("s3"), target.results, options.model, options.folder, now())
    _say(console, f'weights = "{options.model}" now means s3://{target.results}/{key}')
    return 0


def use(options, console: Console) -> int:
    """A version that was registered becomes the current one, whatever the gate said of it."""
    target = targets.find(options.stack)
    make_current(target.client("s3"), target.results, Version(options.model, options.version), now())
    _say(console, f"{options.model} is now {options.version}")
    return 0


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
