"""`seqdrop catalogue`: ask the catalogue of a stack, upload gene lists, derive its rows anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

# The names of seqdrop_cli.catalogue, which takes long to import; a test compares them.
QUESTIONS = ("failed", "yield", "promoters", "archive", "models")
FORMATS = ("table", "csv", "json")
ASK_TEXT = """\
Ask one of the lab's five questions: a saved query of the stack, which Athena runs over the catalogue's tables.

  failed     which samples of a run failed and why: rejected files with the first error and its place, files without
             predictions, samples of the sheet without all their files (--run names the folder of the run)
  yield      files, reads, bases and the share of Q30 by instrument and month
  promoters  calls near the genes of your lists (seqdrop catalogue genes), at most --distance bases from their starts
  archive    what is archived in each project and class, what it costs a month, and what a restore would cost
  models     which model, by its SHA-256, made which results in which job

Athena bills the bytes that a query reads, 10 MB at least; CatalogueScanBytes of the stack is the most it may read.
For your own SQL, use the workgroup and the database with the stack's name.
"""
ASK_EXAMPLES = (
    Example("seqdrop catalogue ask failed --run 20260105_LH00999_0012_A22ABCDLT4 --stack seqdrop", "one run"),
    Example("seqdrop catalogue ask promoters --distance 500 --format csv > calls.csv", "for a spreadsheet"),
    Example("seqdrop catalogue ask archive --format json", "for a program"),
)
GENES_TEXT = """\
Upload a list of genes for the question `promoters`: a BED file with chrom, start, end, name and, if known, score and
strand. Names of chromosomes must be those of the records in your FASTA files. A list of the same name is replaced.
"""
GENES_EXAMPLES = (Example("seqdrop catalogue genes liver.bed --stack seqdrop", "ask about these genes, too"),)
BACKFILL_TEXT = """\
Derive all rows anew, from what the results bucket says of each upload and each run: after the catalogue was switched
on, for what was there before; or if events were lost. A message for each of them goes to the function `catalogue`.
Nothing else changes, and the command may be interrupted and repeated. Uploads whose record has expired from the ledger
(LedgerDays) keep the rows that they have.
"""
BACKFILL_EXAMPLES = (Example("seqdrop catalogue backfill --stack seqdrop", "rows of everything"),)


@dataclass(frozen=True)
class AskOptions(StackOptions):
    """Arguments of `seqdrop catalogue ask`."""

    question: str
    run: str
    distance: int
    format: str


@dataclass(frozen=True)
class GenesOptions(StackOptions):
    """Arguments of `seqdrop catalogue genes`."""

    file: Path


def add_ask_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop catalogue ask`."""
    parser.add_argument("question", choices=QUESTIONS, help="see above")
    parser.add_argument("--run", default="", metavar="FOLDER", help="only this run's folder name (default: all runs)")
    parser.add_argument(
        "--distance",
        type=int,
        default=2000,
        metavar="BASES",
        help="of a call from a gene's start (default: %(default)s)",
    )
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="of the output (default: %(default)s)")
    add_stack(parser)


def add_genes_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop catalogue genes`."""
    parser.add_argument("file", type=Path, metavar="BED", help="the list")
    add_stack(parser)


def ask(options: AskOptions) -> int:
    """Print the answer; return 0."""
    from seqdrop_cli.catalogue import answer, show
    from seqdrop_cli.target import find_target

    show(answer(find_target(options), options.question, options.run, options.distance), options.format)
    return 0


def put_genes(options: GenesOptions) -> int:
    """Upload a list of genes; return 0."""
    from seqdrop_cli.catalogue import put_genes
    from seqdrop_cli.target import find_target

    say(f"{put_genes(find_target(options), options.file):,} genes: seqdrop catalogue ask promoters")
    return 0


def backfill(options: StackOptions) -> int:
    """Have all rows derived; return 0."""
    from seqdrop_cli.catalogue import backfill
    from seqdrop_cli.target import find_target

    say(f"{backfill(find_target(options)):,} uploads and runs: their rows follow within minutes")
    return 0


VERBS = {
    "ask": Command(AskOptions, add_ask_arguments, ask, ASK_TEXT, ASK_EXAMPLES),
    "genes": Command(GenesOptions, add_genes_arguments, put_genes, GENES_TEXT, GENES_EXAMPLES),
    "backfill": Command(StackOptions, add_stack, backfill, BACKFILL_TEXT, BACKFILL_EXAMPLES),
}
