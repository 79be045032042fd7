"""`seqdrop config`: whether an analyses.toml or a job.toml is right, and the JSON Schema of either.

Exit status of `check`: 0 the file is right, 1 it is not, 2 usage.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from seqdrop.config import analyses
from seqdrop.config.documents import ConfigFileError, decode, load, locate
from seqdrop.config.problems import Problem
from seqdrop.errors import DistributionRefusedError
from seqdrop.kinds.registry import parse
from seqdrop.training import jobfile
from seqdrop.training.plan.sizing import resolve_distribution

from seqdrop_cli.schemas import SCHEMAS, render_schema

if TYPE_CHECKING:
    from rich.console import Console

HELP = """\
Check an analyses.toml, or the job.toml of a training, by the rules of the pipeline, and say what it means. Without a
FILE it is the analyses.toml that this seqdrop would deploy. Nothing is sent to AWS.

  seqdrop config check                                 the analyses.toml of this checkout
  seqdrop config check my-set/job.toml                 a training, before it is dropped
  seqdrop config schema job > job.schema.json          what an editor completes and checks job.toml by

Everything that is wrong is said at once, a line each, as FILE:LINE: message; the exit status is then 1. `sam build`
refuses a wrong analyses.toml with the same messages. docs/configuration.md shows wrong files, and what is said of each.
"""
SCHEMA_HELP = """\
Print the JSON Schema of analyses.toml or of job.toml (docs/schemas/ has both). An editor with taplo, such as VS Code
with Even Better TOML, completes keys and checks values once the first line of the file names the schema:

  #:schema ./docs/schemas/analyses.schema.json

The path is relative to the file. For a job.toml, keep the schema beside the folder of the data set, not in it, since
all of that folder is dropped:

  seqdrop config schema job > job.schema.json          and in my-set/job.toml: #:schema ../job.schema.json
"""
ANALYSES, JOB = "analyses", "job"
OWN_KEYS = {ANALYSES: {"analyses", "validation"}, JOB: {"model", "data", "train", "gate", "instance", "distribution"}}


def add(commands, command) -> None:
    """Add the verbs and their arguments."""
    verbs = commands.add_parser("config", help="check analyses.toml or a job.toml; print their JSON Schemas")
    verbs = verbs.add_subparsers(required=True, metavar="VERB")
    check = command(verbs, "check", run_check, "say what is wrong with analyses.toml or a job.toml", stack=False)
    check.description, check.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help="(default: analyses.toml of this checkout)")
    schema = command(verbs, "schema", run_schema, "print a JSON Schema, for editors", stack=False)
    schema.description, schema.formatter_class = SCHEMA_HELP, argparse.RawDescriptionHelpFormatter
    schema.add_argument("which", choices=SCHEMAS)


def run_schema(options, console: Console) -> int:
    print(render_schema(options.which), end="")
    return 0


def run_check(options, console: Console) -> int:
    path = options.file or Path(str(files("seqdrop").joinpath(analyses.FILE)))
    try:
        text = decode(path.read_bytes(), str(path))
        table = _job(text, str(path)) if form_of(path, text) == JOB else _analyses(text, str(path))
    except ConfigFileError as error:
        print(error)
        return 1
    console.print(f"{path} is right", highlight=False, soft_wrap=True, markup=False)
    console.print(table)
    return 0


def form_of(path: Path, text: str) -> str:
    """Return whether a file is an analyses.toml or a job.toml, by its name or else by its keys.

    Raise ValueError if neither tells, and ConfigFileError if it is no TOML.
    """
    if path.name in (analyses.FILE, jobfile.JOB):
        return ANALYSES if path.name == analyses.FILE else JOB
    keys = load(text, str(path)).keys()
    forms = [form for form, own in OWN_KEYS.items() if keys & own]
    if len(forms) != 1:
        raise ValueError(f"{path} could be an {analyses.FILE} or a {jobfile.JOB}: give it one of these names")
    return forms[0]


def _analyses(text: str, name: str) -> Table:
    table = Table("analysis", "prefix", "formats", "kind", "model", "at most")
    for analysis in parse(text, name).by_name.values():
        model = analysis.model or "-"
        formats = ", ".join(analysis.formats)
        table.add_row(analysis.name, analysis.prefix, formats, analysis.kind.name, model, f"{analysis.max_gb:g} GB")
    return table


def _job(text: str, name: str) -> Table:
    job = jobfile.read(text, name)
    _check_spread(job, text, name)
    table = Table("model", "task", "goes on from", "files", "instance", "budget")
    instance = job.instance.type or "the cheapest that fits"
    budget = f"{job.budget_usd:g} USD"
    table.add_row(job.model, job.target, job.weights or "nothing", "\n".join(job.data.files), instance, budget)
    return table


def _check_spread(job: jobfile.JobFile, text: str, name: str) -> None:
    """Raise ConfigFileError if the job can be spread over no machine, whatever the training image is."""
    with suppress(DistributionRefusedError):
        resolve_distribution(job, smp=True)
        return
    try:
        resolve_distribution(job, smp=False)
    except DistributionRefusedError as error:
        keys = str(error).split(" ", 1)[0].rstrip(":").removeprefix("distribution.").split(".")
        path = ("distribution", *keys)  # where those are no keys, the line is that of the table
        raise ConfigFileError(name, locate([Problem(path, str(error))], text)) from error
