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
Print the code that makes a shell complete commands, verbs, options and their choices when Tab is pressed. The shell
runs it once it is evaluated:

  bash: add the first line below to ~/.bashrc
  zsh:  add the second line to ~/.zshrc, after `autoload -U compinit && compinit`
  fish: add the third line to ~/.config/fish/config.fish

The command `seqdrop` has to be on the PATH.
"""
EXAMPLES = (
    Example('eval "$(seqdrop completion bash)"', "bash"),
    Example('eval "$(seqdrop completion zsh)"', "zsh"),
    Example("seqdrop completion fish | source", "fish"),
)


@dataclass(frozen=True)
class Options:
    """Arguments of `seqdrop completion`."""

    shell: str


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(options: Options) -> int:
    """Print the code; return 0."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["seqdrop"], shell=options.shell))
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
