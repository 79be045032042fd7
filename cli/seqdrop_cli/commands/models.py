"""`seqdrop models`: show or change the current model of an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.model_arguments import PackagingOptions, add_packaging, build_package
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

MODEL_HELP = "name of the model in analyses.toml, such as promoter-300"
PUSH_TEXT = """\
Check a checkpoint, test it with a few sequences, pack and upload it, and make it the current model of the name MODEL.
Jobs that start afterwards use it. To predict earlier uploads with it, use `seqdrop replay`.
"""
PUSH_EXAMPLES = (
    Example("seqdrop models push promoter-300 my-dnabert/ --stack seqdrop", "a Hugging Face folder"),
    Example("seqdrop models push promoter-300 model.tar.gz", "an archive that `seqdrop package-model` wrote"),
    Example('seqdrop models push promoter-300 my-dnabert/ --labels "not promoter" promoter', "name its classes"),
)
SHOW_TEXT = """\
Print the address, the SHA-256 and the classes of a model's current archive.
"""
SHOW_EXAMPLES = (Example("seqdrop models show promoter-300 --stack seqdrop", "which archive jobs use"),)
USE_TEXT = """\
Make a version from a training job the current model, even if its gate refused it. Jobs that start afterwards use it.
"""
USE_EXAMPLES = (Example("seqdrop models use structure 2026-11-30-demo-sfxa7y57-1", "a version in the models bucket"),)


@dataclass(frozen=True)
class PushOptions(StackOptions, PackagingOptions):
    """Arguments of `seqdrop models push`."""

    model: str


@dataclass(frozen=True)
class ShowOptions(StackOptions):
    """Arguments of `seqdrop models show`."""

    model: str


@dataclass(frozen=True)
class UseOptions(StackOptions):
    """Arguments of `seqdrop models use`."""

    model: str
    version: str


def add_push_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models push`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_packaging(parser)
    add_stack(parser)


def add_show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models show`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_stack(parser)


def add_use_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models use`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "version", metavar="VERSION", help="name of the version: a folder below models/MODEL/ in the models bucket"
    )
    add_stack(parser)


def push(options: PushOptions) -> int:
    """Upload the model and make it the current one; return 0."""
    from seqdrop.models.archives import push_archive
    from seqdrop.runtime.services import now

    from seqdrop_cli.target import find_target

    target = find_target(options)
    body = build_package(options)
    archive = push_archive(target.client("s3"), target.models, options.model, body, now())
    say(f"{options.model} is now s3://{target.models}/{archive.key}")
    return 0


def show(options: ShowOptions) -> int:
    """Print the current archive of a model; return 0."""
    from seqdrop.models.archives import current_archive

    from seqdrop_cli.target import find_target

    target = find_target(options)
    archive = current_archive(target.client("s3"), target.models, options.model)
    classes = ", ".join(archive.labels) or "not named"
    say(f"s3://{target.models}/{archive.key}  sha256 {archive.digest}  classes: {classes}")
    return 0


def use(options: UseOptions) -> int:
    """Make a registered version the current one; return 0."""
    from seqdrop.models.registry import Version, make_current
    from seqdrop.runtime.services import now

    from seqdrop_cli.target import find_target

    target = find_target(options)
    make_current(target.client("s3"), target.models, Version(options.model, options.version), now())
    say(f"{options.model} is now {options.version}")
    return 0


VERBS = {
    "push": Command(PushOptions, add_push_arguments, push, PUSH_TEXT, PUSH_EXAMPLES),
    "show": Command(ShowOptions, add_show_arguments, show, SHOW_TEXT, SHOW_EXAMPLES),
    "use": Command(UseOptions, add_use_arguments, use, USE_TEXT, USE_EXAMPLES),
}
