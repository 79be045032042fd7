"""The entry point of `seqdrop`: parse the words, run the command, turn expected errors into one line."""

from __future__ import annotations

import os
import sys

from seqdrop_cli.catalog import build_parser
from seqdrop_cli.errors import describe

USAGE, INTERRUPTED, CLOSED_PIPE = 2, 130, 141


def main(words: list[str] | None = None) -> int:
    """Run the command that `words` (by default those of the process) name; return its exit status.

    0: all went well; 1: the command's answer is no, such as an invalid file; 2: an error that one line on standard
    error explains; 130: Ctrl-C.
    """
    try:
        return _run(sys.argv[1:] if words is None else words)
    except BrokenPipeError:
        _close_output()
        return CLOSED_PIPE
    except KeyboardInterrupt as interrupt:
        _print_error(str(interrupt) or "stopped")
        return INTERRUPTED
    except Exception as error:
        sentence = describe(error)
        if sentence is None:
            raise
        _print_error(sentence)
        return USAGE


def _run(words: list[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        _complete()
    arguments = vars(build_parser(words).parse_args(words))
    call = arguments.pop("call")
    return int(call(arguments))


def _complete() -> None:
    """Answer the shell's question for completions, which argcomplete puts in the environment, and exit."""
    import argcomplete

    argcomplete.autocomplete(build_parser(os.environ.get("COMP_LINE", "").split()))


def _print_error(sentence: str) -> None:
    lead = "\n" if sentence.startswith("stopped") and sys.stderr.isatty() else ""  # after the ^C of the terminal
    print(f"{lead}seqdrop: {sentence}", file=sys.stderr)


def _close_output() -> None:
    """Let the interpreter flush standard output into nothing when the reader, such as `head`, has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
