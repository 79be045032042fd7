"""The arguments of `seqdrop upload` and `seqdrop drop`, which are one command under two names."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from seqdrop_cli.command import StackOptions, add_drop_paths, add_stack
from seqdrop_cli.parsing import positive_integer, positive_number

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
RATE = re.compile(r"(\d+(?:\.\d+)?)([kKMG]?)B?")


@dataclass(frozen=True)
class UploadOptions(StackOptions):
    """Arguments of `seqdrop upload`."""

    paths: list[Path]
    to: str | None
    prefix: str | None
    run: bool
    bundles: bool
    include: list[str]
    exclude: list[str]
    jobs: int
    limit: float | None
    min_age: float
    state: Path | None
    again: bool
    dry_run: bool
    json: bool
    watch: bool
    free_after: bool
    yes: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `UploadOptions`."""
    place = add_drop_paths(parser)
    place.add_argument("--run", action="store_true", help="each PATH is a run folder: send everything in it to runs/")
    add_no_bundles(parser)
    _add_choice(parser)
    add_transfer(parser)
    parser.add_argument("--again", action="store_true", help="send files that were sent or archived already")
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent where, and send nothing")
    parser.add_argument("--json", action="store_true", help="print an event as a JSON object on each line")
    parser.add_argument("--watch", action="store_true", help="show the progress until all files are finished")
    parser.add_argument(
        "--free-after",
        action="store_true",
        help="then show which files could be deleted here, because a receipt proves that the archive has them",
    )
    parser.add_argument("--yes", action="store_true", help="with --free-after: delete them")
    add_stack(parser)


def add_no_bundles(parser: argparse.ArgumentParser) -> None:
    """Add the option against bundles; it sets `bundles`."""
    parser.add_argument(
        "--no-bundles",
        dest="bundles",
        action="store_false",
        help="send small files of runs one by one, not in tar bundles with an index",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    text = "name, or path below PATH, of files to {}, such as '*.fastq.gz'; may be repeated (default: {})"
    parser.add_argument("--include", metavar="GLOB", action="append", default=[], help=text.format("send", "all"))
    parser.add_argument("--exclude", metavar="GLOB", action="append", default=[], help=text.format("leave out", "none"))
    parser.add_argument(
        "--min-age",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="leave out files that were written within the last SECONDS (default: 0)",
    )


def add_transfer(parser: argparse.ArgumentParser) -> None:
    """Add the options of the transfer: `jobs`, `limit` and `state`."""
    parser.add_argument("--jobs", type=positive_integer, default=8, metavar="N", help="files at a time (default: 8)")
    parser.add_argument("--limit", type=rate, metavar="RATE", help="bytes a second, such as 50M (default: no limit)")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="file that records what was sent, on a local disk (default: ~/.local/state/seqdrop/uploads.sqlite3)",
    )


def rate(text: str) -> float:
    """Return the bytes a second that the text names: a number with k, M or G, which are powers of 1,000."""
    match = RATE.fullmatch(text.strip())
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate, such as 50M for 50 million bytes a second")
    return float(match[1]) * UNITS[match[2].replace("K", "k")]


def _seconds(text: str) -> float:
    return 0.0 if text.strip() == "0" else positive_number(text)
