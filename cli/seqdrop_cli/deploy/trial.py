"""The trial of a new archive: its packaged handler predicts made-up sequences before the archive is uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.handler import Handler

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop.config.kind import Kind


def try_model(folder: Path, kind: Kind, longest: int) -> str:
    """Have the handler of an unpacked archive predict; return a line for people that says what was done.

    `longest` is what the model takes at once, in bases or residues. Raise UnsuitableModelError, HandlerError.
    """
    trial = kind.trial(longest)
    with Handler(folder, trial.environment) as handler:
        lines = handler.ask(b"\n".join(trial.items))
    if fault := trial.fault(lines):
        raise UnsuitableModelError(f"the trial of the model failed: {fault}")
    return f"the packaged handler predicted {trial.about} ({kind.task})"
