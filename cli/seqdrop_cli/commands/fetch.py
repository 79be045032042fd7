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
"""
EXAMPLES = (
    Example("seqdrop fetch ABCDEFGHIJKLMNOPQRSTUVWXYZ", "download below seqdrop-results/"),
    Example("seqdrop fetch ABCDEFGHIJKLMNOPQRSTUVWXYZ --to out/ --stack seqdrop", "download below out/"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop fetch`."""

    upload: str
    to: Path


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("upload", metavar="UPLOAD", help="the upload id, 26 letters and digits, from `seqdrop status`")
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("seqdrop-results"),
        metavar="DIR",
        help="folder to write to (default: %(default)s)",
    )
    add_stack(parser)


def run(options: Options) -> int:
    """Download the results; return 0."""
    from seqdrop_cli.progress import read_progress
    from seqdrop_cli.results import fetch_results
    from seqdrop_cli.target import find_target

    target = find_target(options)
    ledger = target.ledger()
    upload = ledger.find_upload(options.upload)
    if upload is None:
        raise CommandError(f"there is no upload {options.upload}; `seqdrop status` lists them")
    progress = read_progress(ledger, upload.id, upload.key, upload.size)
    paths = fetch_results(target, progress, options.to)
    for path in paths:
        say(str(path))
    if not paths:
        note(f"{upload.key} has no results yet; `seqdrop status` shows its state ({progress.state})")
    return 0


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
