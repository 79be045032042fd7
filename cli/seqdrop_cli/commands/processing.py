"""`seqdrop processing`: change the code of the jobs that check large files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.deploy.model_code import CHECKOUT
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

REQUIREMENTS = Path("layers/reads/requirements.txt")
PUSH_TEXT = """\
Upload the code of this checkout and the packages that it needs, for the processing jobs that start afterwards. Run this
command after each deploy. pip downloads the packages for the Python version and the processor of the stack's
ProcessingImage.
"""
PUSH_EXAMPLES = (
    Example("seqdrop processing push --stack seqdrop", "for Python 3.12 on x86_64"),
    Example("seqdrop processing push --python 3.11 --architecture aarch64", "for another image"),
)


@dataclass(frozen=True)
class PushOptions(StackOptions):
    """Arguments of `seqdrop processing push`."""

    python: str
    architecture: str
    requirements: Path


def add_push_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop processing push`."""
    parser.add_argument(
        "--python", default="3.12", help="Python version of the stack's ProcessingImage (default: %(default)s)"
    )
    parser.add_argument(
        "--architecture",
        default="x86_64",
        choices=["x86_64", "aarch64"],
        help="processor of its instances (default: %(default)s)",
    )
    parser.add_argument(
        "--requirements",
        type=Path,
        default=CHECKOUT / REQUIREMENTS,
        metavar="FILE",
        help=f"list of the packages that the code needs (default: {REQUIREMENTS} of this checkout)",
    )
    add_stack(parser)


def push(options: PushOptions) -> int:
    """Upload the code; return 0."""
    from seqdrop.models.code_bundles import push_code
    from seqdrop.runtime.services import now

    from seqdrop_cli.deploy.processing_code import build_code
    from seqdrop_cli.target import find_target

    target = find_target(options)
    body = build_code(options.requirements, options.python, options.architecture)
    code = push_code(target.client("s3"), target.models, body, now())
    say(f"processing jobs now run s3://{target.models}/{code.prefix}")
    return 0


VERBS = {"push": Command(PushOptions, add_push_arguments, push, PUSH_TEXT, PUSH_EXAMPLES)}
