"""`seqdrop validate`: the checks of the pipeline, before a file is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.config.kind import ALPHABETS, DNA

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

TEXT = """\
Check a FASTQ, FASTA or unaligned BAM file, plain or compressed, as the pipeline will check it after you drop it.

Exit status: 0 valid, 1 invalid, 2 the file cannot be read.
"""
EXAMPLES = (
    Example("seqdrop validate S1_R1.fastq.gz --mate S1_R2.fastq.gz", "a pair of files"),
    Example("seqdrop validate S1_R1.fastq.gz --html pages/ --multiqc figures/", "report page, figures for MultiQC"),
    Example("seqdrop validate proteins.faa --alphabet protein --json", "the report as JSON"),
    Example("zcat S1_R1.fastq.gz | seqdrop validate -", "standard input"),
)


@dataclass(frozen=True)
class Options:
    """Arguments of `seqdrop validate`."""

    file: str
    mate: str | None
    alphabet: str
    json: bool
    html: Path | None
    multiqc: Path | None


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", metavar="FILE", help="path of the file, s3://bucket/key, or - for standard input")
    parser.add_argument(
        "--mate",
        metavar="FILE",
        help="file with the second mates (R2), if FILE has the first; also check the pair (default: no pair)",
    )
    parser.add_argument(
        "--alphabet", choices=ALPHABETS, default=DNA, help="alphabet of a FASTA file (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument(
        "--html", metavar="DIR", type=Path, help="write a report page on each file to this folder (default: no page)"
    )
    parser.add_argument(
        "--multiqc", metavar="DIR", type=Path, help="write figures for MultiQC to this folder (default: no figures)"
    )


def run(options: Options) -> int:
    """Check the file, or the pair of files; return 0 if all is valid, else 1."""
    from seqdrop_cli.validation import validate

    return validate(options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
