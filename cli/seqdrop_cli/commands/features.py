"""`seqdrop features`: the features of an upload or a sample, as Feature Store has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Show the features of an upload or a sample: figures of its reads, promoters or proteins, from the feature groups that
the stack has with the parameter Features=true. docs/features.md explains each of them.

WHAT is an upload id, a landing key or its end, a file name, the folder of a run, or a sample. Of several uploads, the
newest is shown; a sample with two mates has two, for example. With --all, all of them are shown.

Features are written when the report and the results of a file are. `seqdrop catalogue backfill` writes those of files
that came before the stack had feature groups, or before a feature was added.
"""
EXAMPLES = (
    Example("seqdrop features S1", "all features of the newest file of a sample"),
    Example("seqdrop features S1 --group promoter --json", "only those of its promoters, for a program"),
    Example("seqdrop features run7 --all --group read-qc", "the quality of each file of a run"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop features`."""

    what: str
    group: str | None
    all: bool
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("what", metavar="WHAT", help="upload id, key, file name, run folder, or sample")
    parser.add_argument(
        "--group",
        choices=("read-qc", "promoter", "protein"),
        help="only this group of features (default: all that the upload has)",
    )
    parser.add_argument("--all", action="store_true", help="show all uploads that WHAT names (default: the newest)")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line, instead of text")
    add_stack(parser)


def run(options: Options) -> int:
    """Print the features; return the exit status: 1 if there are none."""
    from seqdrop_cli.features import show_features
    from seqdrop_cli.target import find_target

    return show_features(find_target(options), options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
