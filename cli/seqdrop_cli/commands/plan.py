"""`seqdrop plan`: what a training job would take, before anything is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example, positive_integer, price

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Show what a training job would take: GiB on each GPU, hours and US dollars; and what became of each field of
[distribution]. Nothing is sent to AWS. The data beside job.toml is read and checked as it will be when it is dropped;
where it is missing, --residues gives the number of residues of the training records.

Exit status: 0 the job may run, 1 it is refused (the output says what would fit), 2 usage. Hours are right within a
factor of two; prices are those of us-east-1 on the date that is printed, and --price replaces them.
"""
EXAMPLES = (
    Example("seqdrop plan training/ss3/job.toml", "the plan, as the pipeline will make it"),
    Example("seqdrop plan job.toml --residues 2500000 --instance ml.g6e.12xlarge", "another machine"),
    Example("seqdrop plan job.toml --residues 2500000 --any", "the cheapest machine that fits"),
    Example("seqdrop plan job.toml --instance ml.g5.12xlarge --price 5.67", "the price that you pay"),
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
        help="number of residues of the training records (default: they are counted in the files beside job.toml)",
    )
    machine = parser.add_mutually_exclusive_group()
    machine.add_argument(
        "--instance", metavar="TYPE", help="such as ml.g5.12xlarge (default: instance.type of job.toml)"
    )
    machine.add_argument("--any", action="store_true", help="the cheapest instance that fits")
    parser.add_argument(
        "--price",
        type=price,
        metavar="USD",
        help="US dollars for an hour of that instance (default: on demand in us-east-1)",
    )
    parser.add_argument("--smp-image", action="store_true", help="the image has SageMaker's own distributed libraries")
    parser.add_argument("--json", action="store_true", help="print the whole plan as JSON")


def run(options: Options) -> int:
    """Print the plan; return 0 if the job may run, 1 if it is refused."""
    from seqdrop_cli.plan_report import show_plan

    return show_plan(options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
