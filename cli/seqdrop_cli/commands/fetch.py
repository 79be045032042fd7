"""`seqdrop fetch`: download the results of files, or raw data that was restored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, add_stack
from seqdrop_cli.console import note, say, show_status
from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import Example
from seqdrop_cli.search import SearchOptions, add_search, require_uploads

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target

TEXT = """\
Download the results of files, and print the path of each file: predictions, report, figures for MultiQC, the reason
for a rejection, the receipt of the archived file. WHAT and the options select files as for `seqdrop status`: by file
name, run folder, sample, upload id, state and time.

The files are written below DIR, in a folder named like the file in the landing bucket, such as
seqdrop-results/reads/run7/S1.fastq.gz/. If the file was dropped more than once, each version has a folder of its own,
with the time when it landed: S1.fastq.gz@2026-03-01T14-30-05Z/. Results of another version are never overwritten. What
was downloaded before is not downloaded again.

With --raw, download the raw data instead: of an upload, a file, a sample or a whole run, as `seqdrop restore` takes
them. It must be restored before; if it is not, the command says what that costs. Each file is checked against the
SHA-256 of its receipt before it gets its name, such as seqdrop-raw/reads/run7/S1.fastq.gz. An interrupted download
continues where it stopped.
"""
EXAMPLES = (
    Example("seqdrop fetch S1_L001_R1_001.fastq.gz", "download below seqdrop-results/"),
    Example("seqdrop fetch run7 --to out/ --stack seqdrop", "all results of a run, below out/"),
    Example("seqdrop fetch --sample NA12878 --since yesterday --only '*.bed'", "only the calls of yesterday's sample"),
    Example("seqdrop fetch ABCDEFGHIJKLMNOPQRSTUVWXYZ", "of one upload"),
    Example("seqdrop fetch --raw run7 --into /data", "the restored files of a run"),
    Example("seqdrop fetch --raw run7 --unpack", "and the files in the bundles of the uploader"),
)
NAMED = 10  # uploads without results that are named


@dataclass(frozen=True)
class Options(SearchOptions):
    """Arguments of `seqdrop fetch`."""

    to: Path | None
    only: str
    raw: bool
    unpack: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_search(parser)
    parser.add_argument(
        "--to",
        "--into",
        type=Path,
        metavar="DIR",
        help="folder to write to (default: seqdrop-results; with --raw: seqdrop-raw)",
    )
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="only results whose name fits, such as '*.bed' (default: all)"
    )
    parser.add_argument("--raw", action="store_true", help="download restored raw data instead of results")
    parser.add_argument("--unpack", action="store_true", help="with --raw: also unpack bundles of the uploader")
    add_stack(parser)


def run(options: Options) -> int:
    """Download the results; return 0, or what the download of raw data returns."""
    from seqdrop_cli.target import find_target

    if options.raw:
        return _fetch_raw(options)
    if options.search.is_empty:
        raise UsageError(
            "say which results: a file name, a run folder, a sample, an upload id, or an option such as --since today"
        )
    target = find_target(options)
    with show_status("reading the ledger"):
        uploads = require_uploads(target, options.search)
    _fetch_results(target, uploads, options)
    return 0


def _fetch_results(target: Target, uploads: Sequence[Progress], options: Options) -> None:
    from seqdrop_cli.results import fetch_all

    with show_status("downloading results"):
        fetched = fetch_all(target, uploads, options.to or Path("seqdrop-results"), options.only)
    for path in (path for paths in fetched for path in paths):
        say(str(path))
    without = [upload for upload, paths in zip(uploads, fetched, strict=True) if not paths]
    named = f" that fit {options.only}" if options.only != "*" else " yet"
    for upload in without[:NAMED]:
        note(f"{upload.key} has no results{named}; `seqdrop status` shows its state ({upload.state})")
    if len(without) > NAMED:
        note(f"and {len(without) - NAMED:,} more have none")


def _fetch_raw(options: Options) -> int:
    from seqdrop_cli.raw_files import fetch_raw
    from seqdrop_cli.target import find_target

    texts = [*options.what, *filter(None, (options.run, options.sample))]
    if len(texts) != 1 or options.states or options.analysis or options.since or options.until:
        raise UsageError("with --raw, name one file, run, sample or upload, and no other condition")
    return fetch_raw(find_target(options), texts[0], options.to or Path("seqdrop-raw"), unpack=options.unpack)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
