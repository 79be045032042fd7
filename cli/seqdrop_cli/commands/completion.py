"""`seqdrop completion`: print the code that completes commands and options in a shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

SHELLS = ("bash", "zsh", "fish")
TEXT = """\
Print the code with which a shell completes commands, options and their choices when you press Tab. To use it in every
new shell, add the line of your shell below to its start-up file:

  bash: to ~/.bashrc
  zsh:  to ~/.zshrc, after `autoload -U compinit && compinit`
  fish: to ~/.config/fish/config.fish

The folder of the command `seqdrop` must be on the PATH.
"""
EXAMPLES = (
    Example('eval "$(seqdrop completion bash)"', "the line for bash"),
    Example('eval "$(seqdrop completion zsh)"', "the line for zsh"),
    Example("seqdrop completion fish | source", "the line for fish"),
)


@dataclass(frozen=True)
class Options:
    """Arguments of `seqdrop completion`."""

    shell: str


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that you use")


def run(options: Options) -> int:
    """Print the code; return 0."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["seqdrop"], shell=options.shell))  # nosec B604 # the name of a shell; nothing is run
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
