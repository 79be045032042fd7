"""Folders of checkpoints on disk, each sealed once all its files are written.

SageMaker copies /opt/ml/checkpoints to S3 as files change, and a spot instance may stop at any byte. A checkpoint is
valid only if its seal names the same run and every file has the size recorded in the seal.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SEAL = "sealed.json"


def run_name(*identity: object) -> str:
    """Return a digest of everything that must be equal for a run to resume from another run's checkpoint."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()


def write_seal(folder: Path, run: str) -> None:
    """Mark a folder as complete."""
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    sizes.pop(SEAL, None)
    (folder / SEAL).write_text(json.dumps({"run": run, "sizes": sizes}))


def is_sealed(folder: Path, run: str) -> bool:
    """Return True if the folder is complete and belongs to that run."""
    try:
        sealed = json.loads((folder / SEAL).read_text())
        sizes = {name: (folder / name).stat().st_size for name in sealed["sizes"]}
    except (OSError, ValueError, KeyError):
        return False
    return sealed["run"] == run and sizes == sealed["sizes"]


def find_sealed(folder: Path, run: str) -> Path | None:
    """Return the newest complete checkpoint of the run among `<name>-<step>` in a folder, or None."""
    return next((path for path in reversed(list_checkpoints(folder)) if is_sealed(path, run)), None)


def list_checkpoints(folder: Path) -> list[Path]:
    """Return all folders `<name>-<step>` in a folder, the oldest first."""
    return sorted((path for path in folder.glob("*-*") if step_of(path) is not None), key=step_of)


def step_of(path: Path) -> int | None:
    """Return the step in the name of a checkpoint's folder; None if the name does not end in a number."""
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def remove_older(folder: Path, keep: int) -> None:
    """Remove all but the `keep` newest checkpoints. Call it only when the newest one is sealed."""
    for path in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(path)


def lacks_evaluation(checkpoint: Path, figure: str) -> bool:
    """Return True if a checkpoint of the Trainer was written at the end of an epoch, but before its evaluation.

    `figure` is the name of a number that an evaluation reports.
    """
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    is_evaluated = any(figure in entry and entry["step"] == state["global_step"] for entry in state["log_history"])
    return float(state["epoch"]).is_integer() and not is_evaluated
