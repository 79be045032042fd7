"""`seqdrop share`: a page with links to the results and raw data of files, for people without an AWS account."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, add_stack
from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import Example, positive_integer
from seqdrop_cli.search import SearchOptions, add_search

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Make a page with links to files, for people without an AWS account. WHAT and the options select files as for
`seqdrop status`: a run, a sample, a file name. The page has the results and the raw data of each file, with sizes and
SHA-256, and says how to check them. It is written to a local file, which you can send, and its address is printed,
which works as long as the links do.

Links work for at most 7 days (a limit of S3). If your AWS credentials are temporary, as those of `aws sso login` are,
the links end with them, often after some hours: the command says when. A link cannot be taken back.

Raw data in the archive must be restored first; the command names the command. With --no-raw, only results are shared.

What was shared, by whom, when, for whom and until when is recorded in shares/ of the results bucket, before any link
is shown. `--list` shows these records.
"""
EXAMPLES = (
    Example("seqdrop share run7 --days 3 --for 'Dr. Who, clinic'", "results and raw data of a run"),
    Example("seqdrop share --sample NA12878 --no-raw", "only the results of a sample"),
    Example("seqdrop share S1_L001_R1_001.fastq.gz --to out.html", "the page of one file"),
    Example("seqdrop share --list", "what was shared, with whom, until when"),
)
MOST_DAYS = 7


@dataclass(frozen=True)
class Options(SearchOptions):
    """Arguments of `seqdrop share`."""

    days: int
    recipient: str
    no_raw: bool
    to: Path | None
    list: bool
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_search(parser)
    parser.add_argument(
        "--days", type=_days, default=MOST_DAYS, metavar="N", help="days for which the links work (default: 7)"
    )
    parser.add_argument(
        "--for", dest="recipient", default="", metavar="TEXT", help="who gets the page, for the record (default: none)"
    )
    parser.add_argument("--no-raw", action="store_true", help="share results only")
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="file for the page (default: seqdrop-share-ID.html in this folder)"
    )
    parser.add_argument("--list", action="store_true", help="show what was shared, and end")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    add_stack(parser)


def _days(text: str) -> int:
    days = positive_integer(text)
    if days > MOST_DAYS:
        raise argparse.ArgumentTypeError(
            f"{text} days are too many: S3 accepts a link for at most {MOST_DAYS}. Share again later, or restore the "
            "files to a bucket of the recipient"
        )
    return days


def run(options: Options) -> int:
    """Share files, or list what was shared; return 0."""
    if not options.list and options.search.is_empty:
        raise UsageError("say what to share: a run folder, a sample or a file name; or --list")
    from seqdrop_cli.sharing.shares import share, show_shares
    from seqdrop_cli.target import find_target

    target = find_target(options)
    return show_shares(target, as_json=options.json) if options.list else share(target, options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
