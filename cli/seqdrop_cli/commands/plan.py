"""`seqdrop plan`: the memory, time and price of a training job, before it is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example, positive_integer, price

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Show what a training job would need: GiB on each GPU, hours and US dollars, and how each field of [distribution] is
translated. Nothing is sent to AWS. The data files beside job.toml are read and checked as the pipeline will do. Without
data files, give the number of residues of the training records with --residues.

Exit status: 0 the job may run, 1 it is refused (the output says what would fit), 2 wrong usage. The estimate of hours
is accurate within a factor of two. Prices are those of us-east-1 on the date that is printed; --price replaces them.
"""
EXAMPLES = (
    Example("seqdrop plan training/ss3/job.toml", "the plan that the pipeline will make"),
    Example("seqdrop plan job.toml --residues 2500000 --instance ml.g6e.12xlarge", "another machine"),
    Example("seqdrop plan job.toml --residues 2500000 --any", "the cheapest machine that fits"),
    Example("seqdrop plan job.toml --instance ml.g5.12xlarge --price 5.67", "with the price that you pay"),
)


@dataclass(frozen=True)
class Options:
    """Arguments of `seqdrop plan`."""

    job: Path
    residues: int | None
    instance: str | None
    any: bool
    price: float | None
    smp_image: bool
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("job", type=Path, metavar="job.toml", help="the job.toml of a training")
    parser.add_argument(
        "--residues",
        type=positive_integer,
        metavar="N",
        help="number of residues of the training records (default: counted in the files beside job.toml)",
    )
    machine = parser.add_mutually_exclusive_group()
    machine.add_argument(
        "--instance",
        metavar="TYPE",
        help="type of instance, such as ml.g5.12xlarge (default: instance.type of job.toml)",
    )
    machine.add_argument("--any", action="store_true", help="use the cheapest instance that fits")
    parser.add_argument(
        "--price",
        type=price,
        metavar="USD",
        help="US dollars for an hour of the instance (default: the on-demand price in us-east-1)",
    )
    parser.add_argument(
        "--smp-image", action="store_true", help="plan for a training image with SageMaker's own distributed libraries"
    )
    parser.add_argument("--json", action="store_true", help="print the whole plan as JSON")


def run(options: Options) -> int:
    """Print the plan; return 0 if the job may run, 1 if it is refused."""
    from seqdrop_cli.plan_report import show_plan

    return show_plan(options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
