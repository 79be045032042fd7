"""What happens beside the steps: lines that a metric filter reads, the best epoch, the end before time."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

import sharded_checkpoints
import torch
import torch.distributed as dist
from transformers import TrainerCallback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MINUTES_BETWEEN = 15
"""Between two checkpoints of an epoch that takes longer."""


def line(kind: str, **figures: float) -> None:
    """`kind name=value …`, from the first process; in one write, or torchrun's `python -u` would send it in pieces, and
    a toolkit that reads them would make lines of their own of them."""
    if dist.get_rank() == 0:
        words = [kind, *(f"{name}={value:.5g}" for name, value in figures.items())]
        sys.stdout.write(" ".join(words) + "\n")
        sys.stdout.flush()


class Meter:
    """Tokens that all processes have seen, padding not counted, since it was last read."""

    def __init__(self, device: torch.device):
        self.tokens, self.device, self.since = 0, device, time.monotonic()

    def add(self, mask: torch.Tensor) -> None:
        self.tokens += int(mask.sum())

    def restart(self) -> None:
        self.tokens, self.since = 0, time.monotonic()

    def a_second(self) -> int:
        """Every process must call it."""
        tokens = torch.tensor(self.tokens, device=self.device)
        dist.all_reduce(tokens)
        found = round(tokens.item() / (time.monotonic() - self.since))
        self.restart()
        return found


class ProgressLines(TrainerCallback):
    """`progress`, `validation` and `test` lines."""

    def __init__(self, meter: Meter):
        self.meter = meter

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" in logs:
            speed = self.meter.a_second()
            line("progress", epoch=state.epoch, step=state.global_step, loss=logs["loss"], tokens_per_second=speed)

    def on_epoch_begin(self, args, state, control, **_):
        self.meter.restart()  # evaluating and saving took none of the tokens

    def on_evaluate(self, args, state, control, metrics, **_):
        kind = "test" if "test_q3" in metrics else "validation"
        prefix = "test" if kind == "test" else "eval"
        names = ("q3", "q8", "loss", "q_per_protein")
        found = {name: metrics[f"{prefix}_{name}"] for name in names if f"{prefix}_{name}" in metrics}
        line(kind, **({"epoch": state.epoch} if kind == "validation" else {}), **found)


class Best(TrainerCallback):
    """Keeps the model of the epoch with the best validation; ends the training when `patience` epochs were not better.

    Both follow from the history that a checkpoint holds, so a resumed run goes on with them.
    """

    def __init__(self, folder: Path, run: str, figure: str, patience: int):
        self.folder, self.run, self.figure, self.patience = folder, run, figure, patience

    def on_evaluate(self, args, state, control, metrics, model=None, **_):
        if self.figure not in metrics:
            return
        seen = [entry[self.figure] for entry in state.log_history if self.figure in entry]
        best = seen.index(max(seen))
        if best == len(seen) - 1:
            folder = self.folder / f"epoch-{state.global_step}"
            sharded_checkpoints.write(folder, model)
            sharded_checkpoints.seal(folder, self.run)
            sharded_checkpoints.prune(self.folder, keep=1)
        if self.patience and len(seen) - 1 - best >= self.patience:
            control.should_training_stop = True


class Interruption(TrainerCallback):
    """SIGTERM, which is how a spot instance is taken back: after the step a checkpoint, then the end.

    So is a checkpoint made every MINUTES_BETWEEN, because a toolkit may keep the signal to itself. All processes
    must decide alike, so the step ends with what any of them has seen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.signalled, self.stopped, self.clock, self.saved = False, False, clock, clock()

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self.notice)

    def notice(self, *_) -> None:
        self.signalled = True

    def on_step_end(self, args, state, control, **_):
        due = self.clock() - self.saved > 60 * MINUTES_BETWEEN
        seen = torch.tensor([self.signalled, due], dtype=torch.int32, device=args.device)
        dist.all_reduce(seen, dist.ReduceOp.MAX)
        self.stopped, due = (bool(value) for value in seen.tolist())
        control.should_save |= self.stopped or due
        control.should_training_stop |= self.stopped

    def on_epoch_end(self, args, state, control, **_):
        if self.stopped:  # the step has just been saved; an evaluation would outlast the notice
            control.should_evaluate = control.should_save = control.should_log = False

    def on_save(self, args, state, control, **_):
        self.saved = self.clock()
