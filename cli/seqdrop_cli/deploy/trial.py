"""The trial of a new archive: its packaged handler predicts made-up sequences before the archive is uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.handler import Handler

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop.config.kind import Kind


def try_model(folder: Path, kind: Kind, longest: int) -> str:
    """Predict the trial items of a kind with the handler of an unpacked archive; return a line that reports it.

    `longest` is the length of the longest input of the model, in bases or residues. Raise UnsuitableModelError if the
    predictions are wrong, and HandlerError.
    """
    trial = kind.trial(longest)
    with Handler(folder, trial.environment) as handler:
        lines = handler.ask(b"\n".join(trial.items))
    if fault := trial.fault(lines):
        raise UnsuitableModelError(f"the trial of the model failed: {fault}")
    return f"the packaged handler predicted {trial.about} ({kind.task})"
