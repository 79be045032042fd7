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
Check FASTQ, FASTA and unaligned BAM files, plain or compressed, as the pipeline will check them after you drop them. \
Sample sheets (Illumina v1 and v2, AVITI, MinKNOW) are checked as well.

Mates (R1 and R2) among the files are found by their names, and each pair is checked. Folders are searched recursively \
for files with the suffix of a sequence file. Each file has a line in the output, and a summary follows.

Exit status: 0 all valid, 1 a file is invalid or a pair does not fit, 2 a file cannot be read.
"""
EXAMPLES = (
    Example("seqdrop validate run7/", "all files of a folder, and the pairs among them"),
    Example("seqdrop validate S1_R1.fastq.gz S1_R2.fastq.gz", "a pair of files"),
    Example("seqdrop validate a.fastq.gz --mate b.fastq.gz", "a pair whose names do not say so"),
    Example("seqdrop validate S1_R1.fastq.gz --html pages/ --multiqc figures/", "report page, figures for MultiQC"),
    Example("seqdrop validate proteins.faa --alphabet protein --json", "the report as JSON"),
    Example("seqdrop validate SampleSheet.csv --run-info RunInfo.xml", "a sample sheet, and whether it fits the run"),
    Example("zcat S1_R1.fastq.gz | seqdrop validate -", "standard input"),
)


@dataclass(frozen=True)
class Options:
    """Arguments of `seqdrop validate`."""

    files: list[str]
    mate: str | None
    alphabet: str
    json: bool
    html: Path | None
    multiqc: Path | None
    run_info: Path | None


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="path of a file or folder, pattern such as 'run7/*.fastq.gz', s3://bucket/key, or - for standard input",
    )
    parser.add_argument(
        "--mate",
        metavar="FILE",
        help="file with the second mates (R2) of the only FILE (default: mates are found by their names)",
    )
    parser.add_argument(
        "--alphabet", choices=ALPHABETS, default=DNA, help="alphabet of a FASTA file (default: %(default)s)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the whole report as JSON; with a folder, a pattern or several FILEs, a list of reports in `files`",
    )
    parser.add_argument(
        "--html", metavar="DIR", type=Path, help="add a report page on each file to this folder (default: no page)"
    )
    parser.add_argument(
        "--multiqc", metavar="DIR", type=Path, help="add figures for MultiQC to this folder (default: no figures)"
    )
    parser.add_argument(
        "--run-info",
        metavar="FILE",
        type=Path,
        help="RunInfo.xml, or RunParameters.json of an AVITI, of the sample sheet's run (default: the one beside it)",
    )


def run(options: Options) -> int:
    """Check the files and the pairs among them; return the exit status."""
    from seqdrop_cli.validation import validate

    return validate(options)


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
