"""The trial of a new archive: its packaged handler predicts made-up sequences, or it is not worth uploading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.handler import Handler

if TYPE_CHECKING:
    from pathlib import Path

    from seqdrop.config.kind import Kind


def try_out(folder: Path, kind: Kind, longest: int) -> str:
    """Ask the handler of an unpack archive; return what was done, for people. Raises UnsuitableModelError,
    HandlerError.

    `longest` is what the model takes at once, in bases or residues.
    """
    trial = kind.trial(longest)
    with Handler(folder, trial.environment) as handler:
        lines = handler.ask(b"\n".join(trial.items))
    if fault := trial.fault(lines):
        raise UnsuitableModelError(f"the model was tried, and {fault}")
    return f"{trial.about} were answered by the packaged handler ({kind.task})"
