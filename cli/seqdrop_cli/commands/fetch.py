"""`seqdrop fetch`: download the results of an upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import note, say
from seqdrop_cli.errors import CommandError
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Download the results of an upload, and print the path of each file: predictions, report, figures for MultiQC, the reason
for a rejection, the receipt of the archived file. The files are written below DIR, in a folder named like the file in
the landing bucket, such as seqdrop-results/reads/run7/S1.fastq.gz/.

With --raw, download the raw data instead: of an upload, a file, a sample or a whole run, as `seqdrop restore` takes
them. It must be restored before; if it is not, the command says what that costs. Each file is checked against the
SHA-256 of its receipt before it gets its name, such as seqdrop-raw/reads/run7/S1.fastq.gz. An interrupted download
continues where it stopped.
"""
EXAMPLES = (
    Example("seqdrop fetch ABCDEFGHIJKLMNOPQRSTUVWXYZ", "download below seqdrop-results/"),
    Example("seqdrop fetch ABCDEFGHIJKLMNOPQRSTUVWXYZ --to out/ --stack seqdrop", "download below out/"),
    Example("seqdrop fetch --raw run7 --into /data", "the restored files of a run"),
    Example("seqdrop fetch --raw run7 --unpack", "and the files in the bundles of the uploader"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop fetch`."""

    upload: str
    to: Path | None
    raw: bool
    unpack: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "upload", metavar="UPLOAD", help="the upload id, from `seqdrop status`; with --raw also a run …"
    )
    parser.add_argument(
        "--to",
        "--into",
        type=Path,
        metavar="DIR",
        help="folder to write to (default: seqdrop-results; with --raw: seqdrop-raw)",
    )
    parser.add_argument("--raw", action="store_true", help="download restored raw data instead of results")
    parser.add_argument("--unpack", action="store_true", help="with --raw: also unpack bundles of the uploader")
    add_stack(parser)


def run(options: Options) -> int:
    """Download the results; return 0."""
    from seqdrop_cli.progress import read_progress
    from seqdrop_cli.results import fetch_results
    from seqdrop_cli.target import find_target

    target = find_target(options)
    if options.raw:
        from seqdrop_cli.raw_files import fetch_raw

        return fetch_raw(target, options.upload, options.to or Path("seqdrop-raw"), unpack=options.unpack)
    ledger = target.ledger()
    upload = ledger.find_upload(options.upload)
    if upload is None:
        raise CommandError(f"there is no upload {options.upload}; `seqdrop status` lists them")
    progress = read_progress(ledger, upload.id, upload.key, upload.size)
    paths = fetch_results(target, progress, options.to or Path("seqdrop-results"))
    for path in paths:
        say(str(path))
    if not paths:
        note(f"{upload.key} has no results yet; `seqdrop status` shows its state ({progress.state})")
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
