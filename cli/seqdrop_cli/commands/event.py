"""`seqdrop event`: print a true event of a dropped file, for `sam local invoke`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Print the event with which the function validate would receive a file of the landing bucket, for `sam local invoke`.

The bucket, version, size and queue are those of the stack. The functions refuse events of other buckets, so the
examples in events/ have no effect on a stack. The function that is invoked with this event acts on the real stack, as
if the event was delivered again.
"""
EXAMPLES = (
    Example(
        "seqdrop event validate reads/run7/S1_R1.fastq.gz --stack seqdrop > event.json",
        "then `sam local invoke ValidateFunction -e event.json --env-vars env.json`",
    ),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop event`."""

    function: str
    key: str
    version_id: str | None


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("function", choices=["validate"], help="the function that is to receive the event")
    parser.add_argument("key", metavar="KEY", help="key of the file in the landing bucket, such as reads/S1.fastq.gz")
    parser.add_argument("--version-id", metavar="ID", help="a version of the file (default: the current one)")
    add_stack(parser)


def run(options: Options) -> int:
    """Print the event; return 0."""
    from seqdrop_cli.events import find_version, make_event, queue_arn
    from seqdrop_cli.target import find_target

    target = find_target(options)
    version = find_version(target.client("s3"), target.landing, options.key, options.version_id)
    partition = target.session.get_partition_for_region(target.region)
    arn = queue_arn(target.queues()["ValidateQueue"], target.region, partition)
    print(json.dumps(make_event(version, arn), indent=2))
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
