"""`seqdrop drop`: upload files or folders to the landing bucket, and watch them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_drop_paths, add_stack
from seqdrop_cli.console import note, say, show_status
from seqdrop_cli.errors import CommandError
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from pathlib import Path

    from seqdrop.uploads import UploadVersion

    from seqdrop_cli.landing import Drop
    from seqdrop_cli.target import Target

TEXT = """\
Upload files, or all files of folders, to the landing bucket, and print the upload id and the address of each. Hidden
files are left out. The marker of a run, such as CopyComplete.txt, and the job.toml of a training are uploaded last.

A file that the archive has already, with the same landing key, size and SHA-256, is not uploaded, unless you use
--again. After an interruption you can therefore repeat the command.

With --watch, show the progress until every file is archived or rejected, or waits for a file that was not dropped. The
exit status is then 1 unless all files are archived, or were before. After Ctrl-C the pipeline still processes the files
that were uploaded.
"""
EXAMPLES = (
    Example("seqdrop drop run7/ --watch", "a run; the format of each file decides its prefix"),
    Example("seqdrop drop S1_R1.fastq.gz S1_R2.fastq.gz --prefix raw/", "checked and archived, without predictions"),
    Example("seqdrop drop genome.fa --stack seqdrop --region eu-west-1", "to a stack in your AWS account"),
)


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop drop`."""

    paths: list[Path]
    prefix: str | None
    again: bool
    watch: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_drop_paths(parser)
    parser.add_argument("--again", action="store_true", help="upload and process files that are archived already")
    parser.add_argument("--watch", action="store_true", help="show the progress until all files are finished")
    add_stack(parser)


def run(options: Options) -> int:
    """Upload the files; return 0, or with --watch 1 unless all were archived."""
    from seqdrop_cli.landing import plan_drops, upload_file
    from seqdrop_cli.target import find_target

    drops = plan_drops(options.paths, options.prefix)
    if not drops:
        raise CommandError(f"there are no files in {', '.join(map(str, options.paths))}; hidden files are left out")
    target = find_target(options)
    s3 = target.client("s3")
    versions: list[UploadVersion] = []
    if not options.again:
        drops = _leave_out_archived(target, drops)
    try:
        for drop in drops:
            versions.append(upload_file(s3, target.landing, drop, again=options.again))
            say(f"{versions[-1].id}  s3://{target.landing}/{drop.key}")
        return _watch(target, versions) if options.watch and versions else 0
    except KeyboardInterrupt as interrupt:
        sent = f"{len(versions)} of {len(drops)} files were uploaded"
        more = "; the pipeline processes these" if versions else ""
        raise KeyboardInterrupt(f"stopped; {sent}{more}") from interrupt


def _leave_out_archived(target: Target, drops: list[Drop]) -> list[Drop]:
    """Return the drops whose files are not archived yet, and print how many are."""
    from seqdrop_cli.known_files import select_archived

    with show_status(f"comparing {len(drops)} files with the archive"):  # it reads each file
        archived = select_archived(target.ledger(), target.landing, drops)
    if archived:
        note(
            f"{len(archived)} of {len(drops)} files are archived already and are not uploaded again; "
            "`seqdrop drop --again` uploads and processes them"
        )
    return [drop for drop in drops if drop not in archived]


def _watch(target: Target, versions: list[UploadVersion]) -> int:
    from rich.console import Console

    from seqdrop_cli.watch import explain_waiting, watch

    uploads = watch(target.ledger(), versions, Console())
    for sentence in explain_waiting(uploads):
        say(sentence)
    return 0 if all(upload.state in ("ARCHIVED", "DUPLICATE") for upload in uploads) else 1


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
