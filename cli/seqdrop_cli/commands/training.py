"""`seqdrop training`: change the code that training jobs run and the weights that they start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.deploy.model_code import MODEL_CODE
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

PUSH_TEXT = """\
Upload the training scripts of model_code/ for the training jobs that start afterwards. Run this command after each
deploy.
"""
PUSH_EXAMPLES = (Example("seqdrop training push --stack seqdrop", "upload the scripts of this checkout"),)
WEIGHTS_TEXT = """\
Upload a folder of pre-trained weights, of any size. A job.toml can then name them in its setting `weights`.
"""
WEIGHTS_EXAMPLES = (
    Example("seqdrop training weights prot_bert_bfd prot_bert_bfd/", 'then, in job.toml: weights = "prot_bert_bfd"'),
)


@dataclass(frozen=True)
class PushOptions(StackOptions):
    """Arguments of `seqdrop training push`."""

    code: Path


@dataclass(frozen=True)
class WeightsOptions(StackOptions):
    """Arguments of `seqdrop training weights`."""

    model: str
    folder: Path


def add_push_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop training push`."""
    parser.add_argument(
        "--code",
        type=Path,
        default=MODEL_CODE,
        metavar="DIR",
        help="folder with protein/ and dnabert/ (default: model_code/ of this checkout)",
    )
    add_stack(parser)


def add_weights_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop training weights`."""
    parser.add_argument("model", metavar="MODEL", help="name of the weights, such as prot_bert_bfd")
    parser.add_argument("folder", type=Path, metavar="DIR", help="Hugging Face folder with the weights")
    add_stack(parser)


def push(options: PushOptions) -> int:
    """Upload the training scripts; return 0."""
    from seqdrop.models.code_bundles import PROGRAMS, push_program
    from seqdrop.runtime.services import now

    from seqdrop_cli.deploy.training_code import pack_program
    from seqdrop_cli.target import find_target

    target = find_target(options)
    for name in PROGRAMS:
        body = pack_program(options.code / name)
        program = push_program(target.client("s3"), target.models, name, body, now())
        say(f"training jobs of {name} now run s3://{target.models}/{program.prefix}")
    return 0


def weights(options: WeightsOptions) -> int:
    """Upload pre-trained weights; return 0."""
    from seqdrop.runtime.services import now

    from seqdrop_cli.deploy.pretrained_weights import push_weights
    from seqdrop_cli.target import find_target

    target = find_target(options)
    key = push_weights(target.client("s3"), target.models, options.model, options.folder, now())
    say(f'weights = "{options.model}" now means s3://{target.models}/{key}')
    return 0


VERBS = {
    "push": Command(PushOptions, add_push_arguments, push, PUSH_TEXT, PUSH_EXAMPLES),
    "weights": Command(WeightsOptions, add_weights_arguments, weights, WEIGHTS_TEXT, WEIGHTS_EXAMPLES),
}
