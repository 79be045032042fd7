"""The entry point of `seqdrop`: parse the command line, run the command, report expected errors in one line."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from seqdrop_cli.catalog import build_parser
from seqdrop_cli.errors import describe

USAGE, INTERRUPTED, CLOSED_PIPE = 2, 130, 141


def main(words: list[str] | None = None) -> int:
    """Run the command line `words` (default: the arguments of the process); return the exit status.

    0: success; 1: a negative result, such as an invalid file; 2: an error, explained on standard error; 130: Ctrl-C;
    141: the reader of standard output closed it. An unexpected exception is raised.
    """
    atexit.register(gc.freeze)  # else the interpreter examines each object once more before it ends: 0.15 s
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
    """Write the completions for the command line in COMP_LINE, which the shell sets, and exit."""
    import argcomplete

    argcomplete.autocomplete(build_parser(os.environ.get("COMP_LINE", "").split()))


def _print_error(sentence: str) -> None:
    lead = "\n" if sentence.startswith("stopped") and sys.stderr.isatty() else ""  # the terminal has echoed ^C
    print(f"{lead}seqdrop: {sentence}", file=sys.stderr)


def _close_output() -> None:
    """Redirect standard output to /dev/null, so that the flush at exit does not fail: the reader has closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
