"""Checkpoints of a training of DNABERT: the Trainer writes them, and a later process of the same run resumes."""

from __future__ import annotations

from hashlib import file_digest, sha256
from typing import TYPE_CHECKING

from common.seals import remove_older, write_seal
from transformers import TrainerCallback

if TYPE_CHECKING:
    from pathlib import Path

    from examples import Examples
    from transformers import TrainerControl, TrainerState, TrainingArguments

KEPT = 2
"""Checkpoints that are kept; the newest may be torn if the machine stopped while it was copied."""


class Seals(TrainerCallback):
    """A callback that seals each checkpoint that the Trainer has written, and removes older ones."""

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self.run = folder, run

    def on_save(self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: object) -> None:
        """Seal the checkpoint of this step."""
        write_seal(self.folder / f"checkpoint-{state.global_step}", self.run)
        remove_older(self.folder, KEPT)


class Draws(TrainerCallback):
    """A callback that names the epoch to the training examples, whose random masks depend on seed, epoch and index.

    Were they drawn from the random numbers of the process, a run that resumes within an epoch would see other masks:
    the loader has read ahead when a checkpoint is written.
    """

    def __init__(self, examples: Examples, seed: int) -> None:
        self.examples, self.seed = examples, seed

    def on_epoch_begin(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: object
    ) -> None:
        """Set the epoch, counted from 0; after a resume within an epoch, `state.epoch` has decimals."""
        self.examples.start_epoch(self.seed, int(state.epoch or 0))


def digest_of(*sources: Path | None) -> str:
    """Return a digest of the content of files, or of all files of folders in the order of their names."""
    digest = sha256()
    for source in sources:
        files = [] if source is None else sorted(source.iterdir()) if source.is_dir() else [source]
        for path in files:
            with path.open("rb") as handle:
                digest.update(path.name.encode() + b"\0" + file_digest(handle, "sha256").digest())
    return digest.hexdigest()
