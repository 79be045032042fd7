"""`seqdrop endpoint`: list, start and stop the endpoints of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME_HELP = "analysis, such as contigs, or name of the endpoint"
LIST_TEXT = """\
List the endpoints of a stack: state, instances, what they cost in an hour (on demand, in us-east-1), since when they
exist, and why one was stopped or refused a model. The command uses the analyses.toml of this checkout.
"""
LIST_EXAMPLES = (Example("seqdrop endpoint list --stack seqdrop", "state and cost of each endpoint"),)
START_TEXT = """\
Make an endpoint again that was stopped, or deleted because it had no requests. A model that was rolled back, or that
could not be deployed, is tried again. It takes some minutes. Its instances cost money from then on, used or not.
"""
START_EXAMPLES = (
    Example("seqdrop endpoint start contigs --stack seqdrop", "make it, and return"),
    Example("seqdrop endpoint start contigs --wait", "return when it is in service"),
)
STOP_TEXT = """\
Delete an endpoint until `seqdrop endpoint start` makes it again; no deploy and no new model does. Files that are
dropped are predicted by transform jobs, as without an endpoint.
"""
STOP_EXAMPLES = (Example("seqdrop endpoint stop contigs --stack seqdrop", "its instances cost nothing from then on"),)


@dataclass(frozen=True)
class OrderOptions(StackOptions):
    """Arguments of `seqdrop endpoint start` and `stop`."""

    name: str
    wait: bool


def add_order_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop endpoint start` and `stop`."""
    parser.add_argument("name", metavar="ANALYSIS", help=NAME_HELP)
    parser.add_argument("--wait", action="store_true", help="return when it is in service, or gone (up to an hour)")
    add_stack(parser)


def list_endpoints(options: StackOptions) -> int:
    """Print the endpoints; return 0."""
    from seqdrop_cli.endpoints import show_endpoints
    from seqdrop_cli.target import find_target

    show_endpoints(find_target(options))
    return 0


def start(options: OrderOptions) -> int:
    """Have an endpoint made; return the exit status."""
    return _order(options, "start")


def stop(options: OrderOptions) -> int:
    """Have an endpoint deleted; return the exit status."""
    return _order(options, "stop")


def _order(options: OrderOptions, order: str) -> int:
    from seqdrop_cli.endpoints import names_of, send_order, wait
    from seqdrop_cli.target import find_target

    target = find_target(options)
    names = names_of(target.stack, options.name)
    send_order(target, names, order)
    say(f"{order}: {', '.join(names)}; `seqdrop endpoint list` shows the state")
    return wait(target, names, order) if options.wait else 0


VERBS = {
    "list": Command(StackOptions, add_stack, list_endpoints, LIST_TEXT, LIST_EXAMPLES),
    "start": Command(OrderOptions, add_order_arguments, start, START_TEXT, START_EXAMPLES),
    "stop": Command(OrderOptions, add_order_arguments, stop, STOP_TEXT, STOP_EXAMPLES),
}
