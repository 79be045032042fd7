"""Callbacks of the Trainer: progress lines for a metric filter, the best epoch, and interruption by SIGTERM."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import sharded_checkpoints
import torch
import torch.distributed as dist
from common import interruption
from transformers import TrainerCallback

if TYPE_CHECKING:
    from pathlib import Path

    from networks import StructureModel
    from transformers import TrainerControl, TrainerState, TrainingArguments


def print_line(kind: str, **figures: float) -> None:
    """Print `kind name=value …` from the first process.

    The line is written in one call. print() under torchrun's `python -u` would write it in parts, and SageMaker's
    toolkit would log each part as a line of its own.
    """
    if dist.get_rank() == 0:
        words = [kind, *(f"{name}={value:.5g}" for name, value in figures.items())]
        sys.stdout.write(" ".join(words) + "\n")
        sys.stdout.flush()


class Meter:
    """A counter of the tokens, without padding, that all processes have processed since it was last read."""

    def __init__(self, device: torch.device) -> None:
        self.tokens, self.device, self.since = 0, device, time.monotonic()

    def add(self, mask: torch.Tensor) -> None:
        """Add the tokens of a batch, given its attention mask."""
        self.tokens += int(mask.sum())

    def restart(self) -> None:
        """Set the count to 0 and the start to now."""
        self.tokens, self.since = 0, time.monotonic()

    def read(self) -> int:
        """Return the tokens per second of all processes, and restart. Every process must call it."""
        tokens = torch.tensor(self.tokens, device=self.device)
        dist.all_reduce(tokens)
        speed = round(tokens.item() / (time.monotonic() - self.since))
        self.restart()
        return speed


class ProgressLines(TrainerCallback):
    """A callback that prints lines of the kinds `progress`, `validation` and `test`."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: dict[str, Any],
        **_: object,
    ) -> None:
        """Print the progress, with the loss and the speed."""
        if "loss" in logs:
            speed = self.meter.read()
            print_line(
                "progress", epoch=state.epoch, step=state.global_step, loss=logs["loss"], tokens_per_second=speed
            )

    def on_epoch_begin(
        self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: object
    ) -> None:
        """Restart the meter: evaluation and saving between epochs process no tokens."""
        self.meter.restart()

    def on_evaluate(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        metrics: dict[str, float],
        **_: object,
    ) -> None:
        """Print the figures of an evaluation."""
        kind, prefix = ("test", "test") if "test_q3" in metrics else ("validation", "eval")
        names = ("q3", "q8", "loss", "q_per_protein")
        figures = {name: metrics[f"{prefix}_{name}"] for name in names if f"{prefix}_{name}" in metrics}
        print_line(kind, **({"epoch": state.epoch} if kind == "validation" else {}), **figures)


class Best(TrainerCallback):
    """A callback that saves the model of the best epoch, and stops after `patience` epochs without a better one.

    The best epoch has the highest validation `figure`. Both decisions depend only on the history that a checkpoint
    contains, so a resumed run makes the same ones.
    """

    def __init__(self, folder: Path, run: str, figure: str, patience: int) -> None:
        self.folder, self.run, self.figure, self.patience = folder, run, figure, patience

    def on_evaluate(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        model: StructureModel,
        **_: object,
    ) -> None:
        """Save the model if this evaluation is the best, and stop the training if patience is exhausted."""
        if self.figure not in metrics:
            return
        values = [entry[self.figure] for entry in state.log_history if self.figure in entry]
        best = values.index(max(values))
        if best == len(values) - 1:
            folder = self.folder / f"epoch-{state.global_step}"
            sharded_checkpoints.write(folder, model)
            sharded_checkpoints.seal(folder, self.run)
            sharded_checkpoints.prune(self.folder, keep=1)
        if self.patience and len(values) - 1 - best >= self.patience:
            control.should_training_stop = True


class Interruption(interruption.Interruption):
    """The callback of common/interruption.py for several processes, which must all decide alike."""

    def agree(self, args: TrainingArguments, signalled: bool, due: bool) -> tuple[bool, bool]:
        """Return True for each flag that is set in any process. Every process must call it, after each step."""
        flags = torch.tensor([signalled, due], dtype=torch.int32, device=args.device)
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        stopped, is_due = (bool(value) for value in flags.tolist())
        return stopped, is_due
