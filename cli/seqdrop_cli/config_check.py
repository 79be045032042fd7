"""The check of an analyses.toml or a job.toml: its errors by line, or a table of its settings."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.config import analyses
from seqdrop.config.documents import ConfigFileError, decode, load, locate
from seqdrop.config.problems import Problem
from seqdrop.errors import DistributionRefusedError
from seqdrop.kinds.registry import parse
from seqdrop.training import jobfile
from seqdrop.training.plan.sizing import resolve_distribution

from seqdrop_cli.console import print_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

ANALYSES, JOB = "analyses", "job"
OWN_KEYS = {ANALYSES: {"analyses", "validation"}, JOB: {"model", "data", "train", "gate", "instance", "distribution"}}
ANALYSES_TITLES = ("analysis", "prefix", "formats", "kind", "model", "at most")
JOB_TITLES = ("model", "task", "starts from", "files", "instance", "budget")


def check_file(file: Path | None) -> int:
    """Print the errors of a file, or its settings; return 0 if it is valid, else 1.

    None stands for the analyses.toml of this checkout.
    """
    path = file or Path(str(files("seqdrop").joinpath(analyses.FILE)))
    try:
        text = decode(path.read_bytes(), str(path))
        titles, rows = _describe(path, text)
    except ConfigFileError as error:
        say(str(error))
        return 1
    say(f"{path} is valid")
    print_table(titles, rows)
    return 0


def _describe(path: Path, text: str) -> tuple[Sequence[str], list[Sequence[str]]]:
    if form_of(path, text) == JOB:
        return JOB_TITLES, _job_rows(text, str(path))
    return ANALYSES_TITLES, _analysis_rows(text, str(path))


def form_of(path: Path, text: str) -> str:
    """Return ANALYSES or JOB for an analyses.toml or a job.toml, by the name of the file, else by its keys.

    Raise ValueError if neither decides, and ConfigFileError if it is not TOML.
    """
    if path.name in (analyses.FILE, jobfile.JOB):
        return ANALYSES if path.name == analyses.FILE else JOB
    keys = load(text, str(path)).keys()
    forms = [form for form, own in OWN_KEYS.items() if keys & own]
    if len(forms) != 1:
        raise ValueError(
            f"{path} could be an {analyses.FILE} or a {jobfile.JOB}; give it one of these names and repeat the command"
        )
    return forms[0]


def _analysis_rows(text: str, name: str) -> list[Sequence[str]]:
    return [
        (
            analysis.name,
            analysis.prefix,
            ", ".join(analysis.formats),
            analysis.kind.name,
            analysis.model or "-",
            f"{analysis.max_gb:g} GB",
        )
        for analysis in parse(text, name).by_name.values()
    ]


def _job_rows(text: str, name: str) -> list[Sequence[str]]:
    job = jobfile.read(text, name)
    _check_distribution(job, text, name)
    instance = job.instance.type or "the cheapest that fits"
    budget = f"{job.budget_usd:g} USD"
    return [(job.model, job.target, job.weights or "nothing", "\n".join(job.data.files), instance, budget)]


def _check_distribution(job: jobfile.JobFile, text: str, name: str) -> None:
    """Raise ConfigFileError if no training image can distribute the job as the file says."""
    with suppress(DistributionRefusedError):
        resolve_distribution(job, smp=True)
        return
    try:
        resolve_distribution(job, smp=False)
    except DistributionRefusedError as error:
        keys = str(error).split(" ", 1)[0].rstrip(":").removeprefix("distribution.").split(".")
        path = ("distribution", *keys)  # if the first word names no key, the line of the table is reported
        raise ConfigFileError(name, locate([Problem(path, str(error))], text)) from error
