"""`seqdrop transfer`: copy runs into the landing bucket now, and show what was copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

STATUS_TEXT = """\
Show the last executions of the stack's DataSync task: what they copied, what failed, and why.
"""
STATUS_EXAMPLES = (Example("seqdrop transfer status --stack seqdrop", "the last executions, the newest first"),)
START_TEXT = """\
Have DataSync copy what is new in the source, without waiting for the schedule. If an execution runs already, or nothing
is new, none is started. A run whose folder changed in the last TransferQuietMinutes is left for later.
"""
START_EXAMPLES = (
    Example("seqdrop transfer start --stack seqdrop", "copy what is new"),
    Example("seqdrop transfer start --all", "copy all of the source again, such as files deleted by mistake"),
)


@dataclass(frozen=True)
class StartOptions(StackOptions):
    """Arguments of `seqdrop transfer start`."""

    all: bool


def add_start_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop transfer start`."""
    parser.add_argument(
        "--all", action="store_true", help="also what was copied before; what is archived is recognised"
    )
    add_stack(parser)


def show(options: StackOptions) -> int:
    """Print the executions; return 0."""
    from seqdrop_cli.target import find_target
    from seqdrop_cli.transfers import show_executions

    show_executions(find_target(options))
    return 0


def start(options: StartOptions) -> int:
    """Have an execution started; return 0."""
    from seqdrop_cli.target import find_target
    from seqdrop_cli.transfers import send_order

    send_order(find_target(options), everything=options.all)
    say("ordered; `seqdrop transfer status` shows the execution")
    return 0


VERBS = {
    "status": Command(StackOptions, add_stack, show, STATUS_TEXT, STATUS_EXAMPLES),
    "start": Command(StartOptions, add_start_arguments, start, START_TEXT, START_EXAMPLES),
}
