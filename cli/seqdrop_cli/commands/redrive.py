"""`seqdrop redrive`: messages that a function could not handle, shown and sent back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Show the messages that a function could not handle, or send them back to the function.

If a function fails five times with a message, the message goes to a dead-letter queue, and an alarm notifies the lab.
The log of the function contains the cause. Once it is repaired, send the messages back with --yes.

You can interrupt and repeat the command: a message is deleted only after it was sent back, and a message that is sent
twice does no harm. The queues keep messages for 14 days. After
that, the reconciler re-sends lost messages by itself.
"""
EXAMPLES = (
    Example("seqdrop redrive --stack seqdrop", "what is in each dead-letter queue"),
    Example("seqdrop redrive validate --yes", "send the messages back to the function validate"),
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
        help="one queue: validate, processing, transform, training, finish, archive, bundle, inventory, restore, "
        "forget, serve, transfer, workflow, monitor, catalogue, webhook or reconcile (default: all)",
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
