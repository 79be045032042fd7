"""`seqdrop restore`: make archived files readable for some days, after the price was shown."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import Example, positive_integer

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Make archived files readable: a file, a sample, or a whole run. The command first shows files, objects, bytes, price
and hours. On a terminal it then asks; elsewhere, and above 10 dollars, it needs --yes. S3 takes up to 48 hours (tier
Bulk) or 12 hours (tier Standard) for Deep Archive. You get a mail when the last file is back.

WHAT is an upload id, a landing key or its end, a file name, the folder of a run, or a sample. Files of one bundle are
one object, which is restored once. What is restored already is not asked for, so the command may be repeated.

A restored object is a temporary copy beside the archived one, which stays. After --days it expires by itself; nothing
has to be cleaned up. With --run, the files are processed by another analysis as soon as the last is back. With --to,
copies are kept in the results bucket, below restored/PREFIX/.

With --status, the command lists the requests and their states.
"""
EXAMPLES = (
    Example("seqdrop restore run7 --dry-run", "what a run would cost, and how long it takes"),
    Example("seqdrop restore run7 --yes", "all files of a run, the cheapest way"),
    Example("seqdrop restore S1 --tier Standard --days 3", "one sample, within 12 hours, for 3 days"),
    Example("seqdrop restore run7 --run contigs --yes", "process the FASTA files of a run again, as contigs"),
    Example("seqdrop restore run7 --to project-9 --yes", "keep copies in restored/project-9/ of the results bucket"),
    Example("seqdrop restore --status", "all requests"),
)
TIERS = ("Bulk", "Standard")
DAYS, MOST_DAYS = 7, 365


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop restore`."""

    what: str | None
    tier: str
    days: int
    to: str | None
    analysis: str
    yes: bool
    dry_run: bool
    json: bool
    status: str | None


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "what",
        nargs="?",
        metavar="WHAT",
        help="upload id, key, file name, run folder, or sample (default: none, with --status)",
    )
    parser.add_argument(
        "--tier", type=_tier, default=TIERS[0], metavar="TIER", help="Bulk or Standard (default: %(default)s)"
    )
    parser.add_argument(
        "--days", type=_days, default=DAYS, metavar="N", help="days for which the files can be read (default: 7)"
    )
    parser.add_argument("--to", type=_prefix, metavar="PREFIX", help="keep copies in restored/PREFIX/ (default: none)")
    parser.add_argument(
        "--run",
        dest="analysis",
        default="",
        metavar="ANALYSIS",
        help="analysis to process them again (default: none)",
    )
    parser.add_argument("--yes", action="store_true", help="do it without asking, whatever it costs")
    parser.add_argument("--dry-run", action="store_true", help="only show the price")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--status", nargs="?", const="", metavar="ID", help="show the requests, or one, and end (default: all)"
    )
    add_stack(parser)


def _tier(text: str) -> str:
    if text.capitalize() not in TIERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a tier; write Bulk (cheap) or Standard (faster)")
    return text.capitalize()


def _days(text: str) -> int:
    days = positive_integer(text)
    if days > MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text} days are too many; up to {MOST_DAYS}, or keep copies with --to")
    return days


def _prefix(text: str) -> str:
    prefix = text.strip("/")
    if not re.fullmatch(r"[\w.=+-][\w.=+ /-]*", prefix) or {"", ".", ".."} & set(prefix.split("/")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a prefix of keys, such as project-9 or projects/9")
    return prefix


def run(options: Options) -> int:
    """Show the price and request the restore, or show the requests; return the exit status."""
    if options.status is None and not options.what:
        raise UsageError("say what to restore: an upload id, a key, a file name, a run folder or a sample")
    from seqdrop_cli.restores import request_files, show_requests
    from seqdrop_cli.target import find_target

    target = find_target(options)
    if options.status is not None:
        return show_requests(target.ledger(), options.status, as_json=options.json)
    return request_files(target, options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
