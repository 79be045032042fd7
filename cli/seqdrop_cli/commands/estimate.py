"""`seqdrop estimate`: what AWS will bill for files, before they are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, add_drop_paths
from seqdrop_cli.parsing import Example, positive_number, price

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from pathlib import Path

TEXT = """\
Estimate what AWS will bill for files or folders before they are dropped: SageMaker jobs, functions, requests, storage,
the shortest time that the archive bills, and a restore, each in the storage class of its analysis. Nothing is sent to
AWS. The first megabytes of each file are read to estimate its records; the data of a training are read to their end.

Most of the bill is the model. Its speed is windows_per_second of its analysis in analyses.toml, or that of
--windows-per-second; `seqdrop predict` on such an instance shows it. Prices are list prices of us-east-1. docs/cost.md
has each price, its date, and every assumption.

Exit status: 0, or 1 if a file would be rejected or a training refused (the output says why).
"""
EXAMPLES = (
    Example("seqdrop estimate run7/", "a run, as `seqdrop upload` sends it: without a model"),
    Example("seqdrop estimate run7/ --to auto", "the same files with the model for the format of each"),
    Example("seqdrop estimate genome.fa --instance ml.g5.xlarge --windows-per-second 900", "another machine"),
    Example("seqdrop estimate run7/ --lines", "each line of the bill with its calculation"),
)


@dataclass(frozen=True)
class Options:
    """Arguments of `seqdrop estimate`."""

    paths: list[Path]
    to: str | None
    prefix: str | None
    instance: str
    price: float | None
    windows_per_second: float | None
    lines: bool
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    from seqdrop_cli.costs.prices import DEFAULT_INSTANCE

    add_drop_paths(parser)
    parser.add_argument(
        "--instance",
        metavar="TYPE",
        default=DEFAULT_INSTANCE,
        help="instance type of transform jobs, the parameter InstanceType of the stack (default: %(default)s)",
    )
    parser.add_argument(
        "--price",
        type=price,
        metavar="USD",
        help="US dollars for an hour of that instance (default: the on-demand price in us-east-1)",
    )
    parser.add_argument(
        "--windows-per-second",
        type=positive_number,
        metavar="N",
        help="predictions that the model makes on that instance in a second (default: that of analyses.toml)",
    )
    parser.add_argument("--lines", action="store_true", help="print each line of the bill with its calculation")
    parser.add_argument("--json", action="store_true", help="print the whole estimate as JSON")


def run(options: Options) -> int:
    """Print the estimate; return 0, or 1 if a file would be rejected or a training refused."""
    from seqdrop_cli.estimate_report import show_estimate

    return show_estimate(options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
