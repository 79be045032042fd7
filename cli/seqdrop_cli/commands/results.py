"""`seqdrop results`: where the results of files are, and what they say in a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, add_stack
from seqdrop_cli.console import format_size, is_terminal, note, say, show_status
from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import Example
from seqdrop_cli.search import SearchOptions, add_search, require_uploads

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from seqdrop_cli.progress import Progress
    from seqdrop_cli.results import ResultFile
    from seqdrop_cli.target import Target

TEXT = """\
List the results of files: their addresses in the results bucket, and what the predictions say. WHAT and the options
select files as for `seqdrop status`; `seqdrop fetch` downloads what is listed.

In a pipe or a file, each result is one line of five fields, separated by tabs: upload id, time when the file landed,
landing key, size in bytes, address.
"""
EXAMPLES = (
    Example("seqdrop results S1_L001_R1_001.fastq.gz", "the results of a file"),
    Example("seqdrop results --sample NA12878 --since yesterday", "of yesterday's files of a sample"),
    Example("seqdrop results run7 | grep calls.bed | cut -f 5", "the addresses of all calls of a run"),
)


@dataclass(frozen=True)
class Options(SearchOptions):
    """Arguments of `seqdrop results`."""

    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_search(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object in a line for each upload")
    add_stack(parser)


def run(options: Options) -> int:
    """Print the results; return 0, or 1 if there are none."""
    if options.search.is_empty:
        raise UsageError("say which results: a file name, a run folder, a sample, or an option such as --since today")
    from seqdrop_cli.results import list_all
    from seqdrop_cli.target import find_target

    target = find_target(options)
    with show_status("looking for results"):
        uploads = require_uploads(target, options.search)
        files = list_all(target, uploads)
    pairs = list(zip(uploads, files, strict=True))
    for upload, listed in pairs:
        if options.json:
            _print_json(target, upload, listed)
        elif is_terminal():
            _print_block(target, upload, listed)
        else:
            _print_lines(target, upload, listed)
    if missing := sum(not listed for listed in files):
        note(f"{missing} of {len(uploads)} uploads have no results yet; `seqdrop status` shows their states")
    return 0 if any(files) else 1


def _print_lines(target: Target, upload: Progress, files: Sequence[ResultFile]) -> None:
    from seqdrop_cli.status_view import landed_at

    for file in files:
        fields = (upload.upload_id, landed_at(upload), upload.key, str(file.size), address(target, file))
        say("\t".join(fields))


def _print_json(target: Target, upload: Progress, files: Sequence[ResultFile]) -> None:
    from seqdrop_cli.status_view import as_json

    listed = [{"name": file.name, "size": file.size, "address": address(target, file)} for file in files]
    say(json.dumps({**as_json(upload), "results": listed}, ensure_ascii=False))


def _print_block(target: Target, upload: Progress, files: Sequence[ResultFile]) -> None:
    from seqdrop_cli.prediction_summary import describe_predictions
    from seqdrop_cli.status_view import landed_at

    say(f"{upload.key}   landed {landed_at(upload)[:16].replace('T', ' ')}   {upload.state}   {upload.upload_id}")
    for line in describe_predictions(target, files):
        say(f"  {line}")
    for file in files:
        say(f"  {format_size(file.size):>9}  {address(target, file)}")
    say("")


def address(target: Target, file: ResultFile) -> str:
    """Return the address of a result in S3."""
    return f"s3://{target.results}/{file.key}"


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
