"""`seqdrop watch`: upload the run folders of an instrument while they grow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.parsing import Example, positive_number
from seqdrop_cli.uploader.arguments import add_no_bundles, add_transfer

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Watch the folders in which instruments write, and upload each run folder in them to runs/ while it grows. A folder may
be a run folder itself; others are searched three levels deep. RunInfo, sample sheets and InterOp are sent early, files
that have not changed for a minute as they come, small ones in bundles. Markers and outcomes are sent last, when the run
is complete by the rules of its instrument and everything else of it was sent. On-board analyses that come later follow
in the same way.

The command runs until it is stopped. After a crash or a reboot, the same command continues; nothing is sent twice.
Errors of one run are reported and tried again. Several watches may run at the same time.

With --once, look once, send what is ready, and return 1 if something failed.
"""
EXAMPLES = (
    Example("seqdrop watch /data/runs --stack seqdrop", "each run folder below /data/runs, until Ctrl-C"),
    Example("seqdrop watch D:/Illumina --limit 50M --exclude '*/Thumbnail_Images/*'", "on an instrument's computer"),
    Example("seqdrop watch /data/runs --free-after --yes", "delete each run once a receipt proves each of its files"),
    Example("seqdrop watch /data/runs --dry-run", "the state of each run, and what would be sent now"),
)


@dataclass(frozen=True)
class WatchOptions(StackOptions):
    """Arguments of `seqdrop watch`."""

    folders: list[Path]
    include: list[str]
    exclude: list[str]
    min_age: float
    bundles: bool
    jobs: int
    limit: float | None
    state: Path | None
    free_after: bool
    yes: bool
    once: bool
    dry_run: bool
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `WatchOptions`."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders of runs, or run folders")
    text = "name, or path below the run folder, of files to {}, such as '*.fastq.gz'; may be repeated (default: {})"
    parser.add_argument("--include", metavar="GLOB", action="append", default=[], help=text.format("send", "all"))
    parser.add_argument("--exclude", metavar="GLOB", action="append", default=[], help=text.format("leave out", "none"))
    parser.add_argument(
        "--min-age",
        type=positive_number,
        default=60.0,
        metavar="SECONDS",
        help="time without a change after which a file counts as written (default: 60)",
    )
    add_no_bundles(parser)
    add_transfer(parser)
    parser.add_argument(
        "--free-after",
        action="store_true",
        help="say which runs could be deleted, because the archive is proven to have all their files; looks hourly",
    )
    parser.add_argument("--yes", action="store_true", help="with --free-after: delete them")
    parser.add_argument("--once", action="store_true", help="look once, send what is ready, and end")
    parser.add_argument("--dry-run", action="store_true", help="look once, show what would be sent, and send nothing")
    parser.add_argument("--json", action="store_true", help="print an event as a JSON object on each line")
    add_stack(parser)


def run(options: WatchOptions) -> int:
    """Watch until a signal; with --once or --dry-run return 0, or 1 if something failed."""
    from seqdrop_cli.uploader.watch_command import run_watch

    return run_watch(options)


COMMAND = Command(WatchOptions, add_arguments, run, TEXT, EXAMPLES)
