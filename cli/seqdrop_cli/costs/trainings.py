"""The price of a training job, by the plan that start_training will make from its job.toml."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.errors import DistributionRefusedError, InvalidFileError, PlanRefusedError
from seqdrop.training.data.line_reader import Source
from seqdrop.training.data.prepare import prepare
from seqdrop.training.jobfile import parse
from seqdrop.training.plan.sizing import size_training

if TYPE_CHECKING:
    from seqdrop.training.jobfile import JobFile


@dataclass(frozen=True)
class TrainingEstimate:
    """The instance, hours and upper estimate in US dollars of a training; `refusal` says why it would not start."""

    path: Path
    instance: str = ""
    hours: float = 0.0
    usd: float = 0.0
    refusal: str = ""


def estimate_training(path: Path) -> TrainingEstimate:
    """Return the estimate of the training that a job.toml and the data files beside it describe."""
    try:
        job = parse(path.read_bytes())
        plan = size_training(job, count_residues(job, path.parent), smp=False).plan
    except InvalidFileError as error:
        return TrainingEstimate(path, refusal=error.fault.message)
    except (PlanRefusedError, DistributionRefusedError, ValueError) as error:
        return TrainingEstimate(path, refusal=str(error))
    return TrainingEstimate(path, plan.instance.name, plan.hours, plan.dollars)


def count_residues(job: JobFile, folder: Path) -> int:
    """Check the files beside job.toml, and return the number of residues of the training records.

    Raise InvalidFileError if a file is invalid, and ValueError if one is missing.
    """
    missing = [name for name in job.data.files if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"{folder / missing[0]} does not exist; put it beside job.toml, or give the number of residues of the "
            "training records with --residues"
        )
    with ExitStack() as stack:
        files = {name: Source(name, stack.enter_context((folder / name).open("rb"))) for name in job.data.files}
        return prepare(job, files, Path(stack.enter_context(tempfile.TemporaryDirectory()))).residues
