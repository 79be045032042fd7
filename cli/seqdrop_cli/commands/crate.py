"""`seqdrop crate`: write the lineage of a run as an RO-Crate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.errors import CommandError
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Write ro-crate-metadata.json, the lineage of a run in the form of RO-Crate 1.1: each raw file with its SHA-256 and the
place of its verified copy, and for each prediction the version of Seqdrop, the model with its SHA-256, and the results.

Results that `seqdrop fetch` downloaded below DIR are parts of the crate; others are named by their place in S3. Nothing
is downloaded except small JSON files.
"""
EXAMPLES = (
    Example("seqdrop crate reads/run7", "below seqdrop-results/"),
    Example("seqdrop crate reads/run7 --to out/ --license https://creativecommons.org/licenses/by/4.0/", "for others"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop crate`."""

    run: str
    to: Path
    license: str


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run", metavar="FOLDER", help="the folder of the run in the landing bucket, such as reads/run7")
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("seqdrop-results"),
        metavar="DIR",
        help="folder to write to (default: seqdrop-results)",
    )
    parser.add_argument("--license", default="", metavar="URL", help="license of the data (default: none is stated)")
    add_stack(parser)


def run(options: Options) -> int:
    """Write the crate; return 0."""
    from seqdrop_cli.crate_writing import write_crate
    from seqdrop_cli.selectors import folder
    from seqdrop_cli.target import find_target

    path = write_crate(find_target(options), folder(options.run), options.to, options.license)
    if path is None:
        raise CommandError(f"there is no upload below {folder(options.run)}; `seqdrop status` lists them")
    say(str(path))
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
