"""`seqdrop status`: the state of uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, add_stack
from seqdrop_cli.console import is_terminal, note, show_status
from seqdrop_cli.parsing import Example, positive_integer
from seqdrop_cli.search import SearchOptions, add_search, find_progress

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target

TEXT = """\
Show the state of uploads: of all, or of those that WHAT and the options select.

WHAT is a file name, a key or its end, a pattern, the folder of a run, a sample, or an upload id. A file that was
dropped twice has two uploads, which differ by the time when they landed.

On a terminal, the output is a table: a row for each file, or, if they are more than 50, a row for each folder. In a
pipe or a file, each upload is one line of four fields, separated by tabs: upload id, state, landing key, and the time
when it landed. Lines are not wrapped or shortened, so you can use grep and cut. Unfinished uploads come first.

Of uploads that have ended, the newest 1,000 of each state are read, unless you name uploads or a time, or add --all.
"""
EXAMPLES = (
    Example("seqdrop status --stack seqdrop", "a table"),
    Example("seqdrop status S1_L001_R1_001.fastq.gz", "a file, with all its versions"),
    Example("seqdrop status run7 --follow", "a run, until nothing happens any more"),
    Example("seqdrop status --sample NA12878 --since yesterday", "the files of a sample that landed since yesterday"),
    Example("seqdrop status --state FAILED,REJECTED --json", "what needs a look, for programs"),
    Example("seqdrop status | cut -f 2 | sort | uniq -c", "how many uploads are in each state"),
)
AFTER_FAILURE = (
    "Once the cause is repaired, `seqdrop replay --state FAILED` shows which uploads can be\n"
    "replayed. `seqdrop release UPLOAD` archives a file without predictions."
)


@dataclass(frozen=True)
class Options(SearchOptions):
    """Arguments of `seqdrop status`."""

    follow: bool
    json: bool
    files: bool
    page: int
    all: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_search(parser)
    parser.add_argument("--follow", action="store_true", help="go on until these uploads are finished, or wait")
    parser.add_argument("--json", action="store_true", help="print a JSON object in a line for each upload")
    parser.add_argument("--files", action="store_true", help="show files also if they are many (default: folders)")
    parser.add_argument(
        "--page", type=positive_integer, default=1, metavar="N", help="page of the table (default: %(default)s)"
    )
    parser.add_argument("--all", action="store_true", help="read all uploads that were ever made")
    add_stack(parser)


def run(options: Options) -> int:
    """Print the uploads; return 0, or with --follow 1 if one was not archived."""
    from seqdrop_cli.target import find_target

    target = find_target(options)
    with show_status("reading the ledger"):
        finding = find_progress(target, options.search, everything=options.all)
    uploads = finding.uploads
    if options.follow and any(not upload.is_final for upload in uploads):
        return _follow(target, uploads, as_json=options.json)
    _print(uploads, options)
    if not uploads:
        text = f"no upload fits {options.search}" if not options.search.is_empty else "there are no uploads yet"
        note(f"{text}; `seqdrop upload FILES` sends files")
    if not finding.is_complete:
        note("Older uploads are not shown; name a run, a file or a time (--since), or add --all.")
    _advise(target, uploads)
    return 0


def _print(uploads: list[Progress], options: Options) -> None:
    from seqdrop_cli import status_view

    if options.json:
        status_view.print_json(uploads)
    elif not is_terminal():
        status_view.print_lines(uploads)
    elif uploads:
        from rich.console import Console

        Console().print(status_view.draw(uploads, options.page, by_file=options.files))


def _follow(target: Target, uploads: list[Progress], *, as_json: bool) -> int:
    """Show uploads until each is final or waits for files; return 1 if one was not archived."""
    from rich.console import Console

    from seqdrop_cli.progress import HAVE_RECEIPT
    from seqdrop_cli.status_view import print_json
    from seqdrop_cli.watch import explain_waiting, watch

    versions = [upload.upload.version for upload in uploads if upload.upload]
    show = print_json if as_json else None
    last = watch(target.ledger(), versions, Console(), patience=float("inf"), show=show)
    for sentence in explain_waiting(last):
        note(sentence)
    return 0 if all(upload.state in (*HAVE_RECEIPT, "DUPLICATE") for upload in last) else 1


def _advise(target: Target, uploads: list[Progress]) -> None:
    """Say what can be done about failed attempts, and which subscriptions are not confirmed."""
    if failed := sum(upload.state == "FAILED" for upload in uploads):
        count = "1 upload has" if failed == 1 else f"{failed} uploads have"
        note(f"{count} a failed attempt. {AFTER_FAILURE}")
    from seqdrop_cli.subscriptions import ADVICE, find_pending

    for sentence in find_pending(target):
        note(f"Mails of this stack: {sentence}. What to do: {ADVICE}.")


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
