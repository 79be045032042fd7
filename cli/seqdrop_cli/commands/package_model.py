"""`seqdrop package-model`: pack a model into an archive, and test it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command
from seqdrop_cli.console import say
from seqdrop_cli.model_arguments import PackagingOptions, add_packaging, build_package
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Pack a checkpoint into a model.tar.gz for the inference container. Before it is written, the checkpoint is checked, and
the archive predicts a few made-up sequences. The same files always give the same archive.
"""
EXAMPLES = (
    Example('seqdrop package-model my-dnabert/ --labels "not promoter" promoter -o model.tar.gz', "name its classes"),
    Example("seqdrop package-model my-protein-model/ -o model.tar.gz", "a model of model_code/protein"),
    Example("seqdrop package-model owner/name --task masked -o model.tar.gz", "from the Hugging Face hub"),
)


@dataclass(frozen=True)
class Options(PackagingOptions):
    """Arguments of `seqdrop package-model`."""

    out: Path


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_packaging(parser)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help="archive to write, such as model.tar.gz"
    )


def run(options: Options) -> int:
    """Write the archive; return 0."""
    from seqdrop_cli.deploy.model_package import digest_of

    body = build_package(options)
    options.out.write_bytes(body)
    say(f"{options.out}  {len(body):,} bytes  sha256 {digest_of(body)}")
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
