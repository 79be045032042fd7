"""`seqdrop monitor`: choose the baseline with which monitoring compares an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

STREAMS = ("batch", "requests")
BASELINE_TEXT = """\
Count what sequences are like (length, GC, unknown characters, k-mers), and upload the counts as the baseline of an
analysis. From then on its inputs are compared with them. With --results, predictions are compared with those results
as well. Only counts leave this machine, no sequence and no name.
"""
BASELINE_EXAMPLES = (
    Example("seqdrop monitor baseline reads good1.fastq.gz good2.fastq.gz --stack seqdrop", "files that are as usual"),
    Example("seqdrop monitor baseline contigs genome.fa --results out/predictions.jsonl", "with their predictions"),
    Example("seqdrop monitor baseline contigs genome.fa -o baseline.json", "into a file, without AWS"),
    Example("seqdrop monitor baseline reads --remove --stack seqdrop", "use training data or first results again"),
)


@dataclass(frozen=True)
class BaselineOptions(StackOptions):
    """Arguments of `seqdrop monitor baseline`."""

    analysis: str
    files: list[str]
    results: list[Path]
    stream: str
    output: Path | None
    remove: bool


def add_baseline_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop monitor baseline`."""
    parser.add_argument("analysis", metavar="ANALYSIS", help="name of an analysis of analyses.toml")
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="FASTQ, FASTA or BAM, plain or gzip; folders, patterns"
    )
    parser.add_argument(
        "--results",
        type=Path,
        nargs="+",
        default=[],
        metavar="JSONL",
        help="predictions.jsonl or fills.jsonl of such files (default: none; predictions are compared with the first)",
    )
    parser.add_argument(
        "--stream",
        choices=STREAMS,
        default=STREAMS[0],
        help="uploads, or the captured requests of an endpoint (default: %(default)s)",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to a file (default: upload)")
    parser.add_argument("--remove", action="store_true", help="remove the baseline")
    add_stack(parser)


def baseline(options: BaselineOptions) -> int:
    """Upload, write or remove the baseline; return 0."""
    from seqdrop.aws import keys
    from seqdrop.runtime.services import format_json

    from seqdrop_cli.baselines import find_analysis, make_baseline
    from seqdrop_cli.errors import UsageError
    from seqdrop_cli.target import find_target

    analysis, key = find_analysis(options.analysis), keys.own_baseline(options.analysis, options.stream)
    if options.remove == bool(options.files or options.results):
        raise UsageError("name files to make a baseline, or --remove to remove it")
    if options.remove:
        target = find_target(options)
        target.client("s3").delete_object(Bucket=target.results, Key=key)
        say(f"removed s3://{target.results}/{key}")
        return 0
    body = format_json(make_baseline(analysis, options.files, options.results).as_dict())
    if options.output:
        options.output.write_bytes(body)
        say(f"wrote {options.output}")
        return 0
    target = find_target(options)
    target.client("s3").put_object(Bucket=target.results, Key=key, Body=body, ContentType="application/json")
    say(f"monitoring of {options.analysis} now compares with s3://{target.results}/{key}")
    return 0


VERBS = {
    "baseline": Command(BaselineOptions, add_baseline_arguments, baseline, BASELINE_TEXT, BASELINE_EXAMPLES),
}
