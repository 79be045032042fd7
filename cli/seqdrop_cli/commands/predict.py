"""`seqdrop predict`: predict a file on this machine, without AWS, or by a real-time endpoint."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.model_arguments import add_task
from seqdrop_cli.parsing import Example, number, positive_integer

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from seqdrop.config.analyses import Analysis
    from seqdrop.errors import InvalidFileError

    from seqdrop_cli.prediction import Input, Source, Tally

TEXT = """\
Predict a FASTA, FASTQ or unaligned BAM file on this machine, with the same code and the same output files as a job in
AWS: predictions, tables, tracks, summary.json. With --endpoint, a real-time endpoint of a stack predicts instead; its
analysis decides about windows and strands (docs/endpoints.md).

Exit status: 0 finished, 1 the file is invalid, 2 wrong usage or an error of the endpoint, 130 stopped by Ctrl-C (the
files then contain the predictions made until then).
"""
EXAMPLES = (
    Example(
        "seqdrop predict genome.fa --model my-dnabert/ --analysis contigs -o out/", "with settings of analyses.toml"
    ),
    Example(
        "seqdrop predict genome.fa --model model.tar.gz --window 300 --stride 150 --strands +- -o out/", "own settings"
    ),
    Example(
        "seqdrop predict x.fa --model my-dnabert/ --task masked --window 150 --masks x.bed -o out/", "fill intervals"
    ),
    Example("seqdrop predict proteins.fa --model my-protein-model/ -o out/", "secondary structure"),
    Example("seqdrop predict contigs.fa --endpoint contigs --stack seqdrop -o out/", "by the endpoint of an analysis"),
)
INTERRUPTED = 130


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop predict`; None for a setting that is not given. It has a model or an endpoint."""

    file: Path
    model: Path | None
    endpoint: str | None
    analysis: str | None
    task: str | None
    window: int | None
    stride: int | None
    strands: str | None
    threshold: float | None
    masks: Path | None
    max_n_fraction: float | None
    code: Path | None
    out: Path


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="FASTA or FASTQ, plain or gzip, or unaligned BAM")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, metavar="DIR|FILE", help="folder of a model, or a model.tar.gz")
    source.add_argument(
        "--endpoint",
        metavar="ANALYSIS|NAME",
        help="analysis with a real-time endpoint, such as contigs, or name of the endpoint (then --analysis names the "
        "analysis, if the stack has another analyses.toml)",
    )
    parser.add_argument(
        "--analysis",
        metavar="NAME",
        help="analysis of analyses.toml whose settings are used, such as contigs (default: none)",
    )
    add_task(parser)
    add_window_arguments(parser)
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="BED",
        help="BED with the intervals to fill, for --task masked (default: fill the runs of N)",
    )
    parser.add_argument(
        "--code",
        type=Path,
        metavar="DIR",
        help="folder with inference.py, if the model is a folder (default: the folder of model_code/ for this model)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("seqdrop-predictions"),
        metavar="DIR",
        help="folder to write to (default: %(default)s)",
    )
    add_stack(parser)


def add_window_arguments(parser: ArgumentParser) -> None:
    """Add the arguments about windows: size, stride, strands, and which windows are scored and called."""
    parser.add_argument(
        "--window",
        type=positive_integer,
        metavar="BASES",
        help="bases (or residues) in a window; required for a DNA model without --analysis (default: from --analysis)",
    )
    parser.add_argument(
        "--stride",
        type=positive_integer,
        metavar="BASES",
        help="bases from the start of one window to the start of the next (default: from --analysis, else the window)",
    )
    parser.add_argument("--strands", choices=("+", "+-"), help="strands to predict (default: from --analysis, else +)")
    parser.add_argument(
        "--threshold",
        type=number,
        metavar="P",
        help="lowest probability, 0 to 1, at which a window is called (default: from --analysis, else 0.9)",
    )
    parser.add_argument(
        "--max-n-fraction",
        type=number,
        metavar="F",
        help="largest fraction of N, 0 to 1, in a window that is scored (default: from --analysis, else 0.1)",
    )


def run(options: Options) -> int:
    """Predict the file; return the exit status."""
    from seqdrop.errors import InvalidFileError

    from seqdrop_cli.interrupts import catch_interrupts
    from seqdrop_cli.prediction import Observer, Plan, examine, predict
    from seqdrop_cli.prediction_settings import adapt_to_format, find_masks
    from seqdrop_cli.progress_bar import show_tally

    source, analysis = _find_endpoint(options) if options.endpoint else _find_model(options)
    try:
        file = examine(options.file, analysis, find_masks(options, analysis))
    except InvalidFileError as error:
        return _report_invalid(options, analysis, error)
    plan = Plan(source, adapt_to_format(analysis, file.format), options.out)
    with catch_interrupts() as is_stopped, show_tally(file.items) as show:
        tally, paths = predict(file, plan, Observer(show, is_stopped))
    return _report(tally, file, paths)


def _find_model(options: Options) -> tuple[Source, Analysis]:
    """Return a model of this machine, and the analysis to predict with it."""
    from seqdrop_cli.deploy.archive import pack_model, unpack
    from seqdrop_cli.local_model import LocalModel
    from seqdrop_cli.prediction_settings import find_task

    path, task = options.model or Path(), find_task(options)
    body = path.read_bytes() if path.is_file() else pack_model(path, options.code, task)
    with unpack(body) as folder:
        return LocalModel(path, body), _find_analysis(options, folder, task)


def _find_endpoint(options: Options) -> tuple[Source, Analysis]:
    """Return an endpoint of a stack, and its analysis."""
    from seqdrop.config.analysis import ModelSettings

    from seqdrop_cli.endpoint_model import EndpointModel
    from seqdrop_cli.prediction_settings import endpoint_analysis
    from seqdrop_cli.target import find_target

    target = find_target(options)
    name, analysis = endpoint_analysis(options, target.stack)
    source = EndpointModel(target, name, analysis.settings_as(ModelSettings).model)
    _ = source.archive  # an endpoint that cannot predict is reported before the file is read
    return source, analysis


def _find_analysis(options: Options, folder: Path, task: str | None) -> Analysis:
    from seqdrop_cli.deploy.checkpoint import read_checkpoint
    from seqdrop_cli.deploy.protein_checkpoint import is_protein, read_protein
    from seqdrop_cli.prediction_settings import dna_analysis, protein_analysis

    if is_protein(folder):
        return protein_analysis(options, read_protein(folder))
    return dna_analysis(options, read_checkpoint(folder, task))


def _report_invalid(options: Options, analysis: Analysis, error: InvalidFileError) -> int:
    from seqdrop.config.kind import PROTEIN

    if error.fault.code.startswith("bed_"):
        say(f"{options.masks} does not fit {options.file}, so nothing is predicted:")
        for fault in error.errors:
            name = f" ({fault.name})" if fault.name else ""
            say(f"  line {fault.line or '-'}: {fault.code}: {fault.message}{name}")
        return 1
    say(f"{options.file} is not valid, so nothing is predicted: {error}")
    alphabet = " --alphabet protein" if analysis.alphabet == PROTEIN else ""
    say(f"`seqdrop validate {shlex.quote(str(options.file))}{alphabet}` reports all its errors")
    return 1


def _report(tally: Tally, file: Input, paths: list[Path]) -> int:
    for path in paths:
        say(str(path))
    if file.alphabet in ("rna", "mixed"):
        say("the file contains RNA; U was read as T")
    unit = tally.kind.unit
    say(f"{tally.windows:,} {unit} in {tally.seconds:.1f} s, {tally.rate:,.0f} {unit}/s")
    if tally.errors:
        say(f"the model returned errors for {tally.errors:,} of {file.items:,} work items; the rows contain the errors")
    if tally.complete:
        return 0
    say(f"stopped after {tally.items:,} of {file.items:,} work items; the files contain these predictions")
    return INTERRUPTED


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
