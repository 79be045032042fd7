"""`seqdrop redrive`: messages that a function could not handle, shown and sent back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
A message that a function could not handle five times goes to a dead-letter queue, and an alarm notifies the lab. The
log of the function says why. Once the cause is repaired, send the messages back.

Nothing is lost if the command is interrupted: a message is deleted there only after it was sent. A message that comes
twice does no harm. Messages are kept for 14 days; the reconciler re-sends by itself what is lost after that.
"""
EXAMPLES = (
    Example("seqdrop redrive --stack seqdrop", "what is in each dead-letter queue"),
    Example("seqdrop redrive validate --yes", "send the messages of validate back to it"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop redrive`."""

    queue: str | None
    yes: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "queue",
        nargs="?",
        metavar="QUEUE",
        help="validate, transform, training, finish, archive or reconcile (default: all)",
    )
    parser.add_argument("--yes", action="store_true", help="send them back (default: only show them)")
    add_stack(parser)


def run(options: Options) -> int:
    """Show the messages or send them back; return the exit status."""
    from seqdrop_cli.dead_letters import find_queues, send_all_back, show_queues
    from seqdrop_cli.target import find_target

    target = find_target(options)
    sqs = target.client("sqs")
    queues = find_queues(sqs, target.queues(), options.queue)
    if options.yes:
        return send_all_back(sqs, queues)
    show_queues(sqs, queues)
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
