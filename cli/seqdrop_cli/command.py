"""The parts of a command of `seqdrop`: typed options, arguments, a help page with examples, and a function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from seqdrop_cli.parsing import format_examples

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from seqdrop_cli.parsing import Example

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True)
class Command(Generic[OptionsT]):
    """One command, or one verb of a group of commands.

    `options` is a dataclass with a field for each argument that `add_arguments` adds. `run` returns the exit status.
    """

    options: Callable[..., OptionsT]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[OptionsT], int]
    text: str
    examples: tuple[Example, ...]

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Give a parser the help page and the arguments of this command."""
        parser.description = self.text
        parser.epilog = format_examples(self.examples)
        self.add_arguments(parser)
        parser.set_defaults(call=self.call)

    def call(self, arguments: dict[str, Any]) -> int:
        """Run the command with parsed arguments; return its exit status."""
        return self.run(self.options(**arguments))


@dataclass(frozen=True)
class StackOptions:
    """Options of a command that uses a stack."""

    stack: str | None
    region: str | None


def add_stack(parser: argparse.ArgumentParser) -> None:
    """Add the options of `StackOptions`."""
    parser.add_argument(
        "--stack",
        metavar="NAME",
        help="name of the deployed stack (default: the environment variable SEQDROP_STACK, else the demo that "
        "`make demo KEEP=1` left running on this machine)",
    )
    parser.add_argument(
        "--region", help="AWS region of that stack, such as eu-west-1 (default: the region of AWS_PROFILE)"
    )


def add_drop_paths(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """Add the arguments that select files and their keys; return the group of those that select the keys."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files and folders")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--to",
        metavar="ANALYSIS",
        help="analysis whose model predicts, such as reads or contigs; `auto` takes the first for the format of each "
        "file (default: none; sequences go to raw/, run folders to runs/)",
    )
    place.add_argument("--prefix", help="prefix in the landing bucket, such as raw/ (default: that of --to)")
    return place
