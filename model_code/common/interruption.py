"""A callback of the Trainer that writes a checkpoint when a spot instance is reclaimed, and from time to time."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from transformers import TrainerCallback

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import TrainerControl, TrainerState, TrainingArguments

MINUTES_BETWEEN = 15
"""Minutes between two checkpoints of a long epoch."""
INTERRUPTED = 128 + 15
"""Exit status after SIGTERM. After exit status 0 SageMaker would store the model folder as a finished model."""


class Interruption(TrainerCallback):
    """A callback that, on SIGTERM, writes a checkpoint after the current step and stops the training.

    SIGTERM arrives when a spot instance is reclaimed. A checkpoint is also written every MINUTES_BETWEEN, because a
    toolkit may not forward the signal.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.signalled, self.stopped, self.clock, self.saved = False, False, clock, clock()

    def listen(self) -> None:
        """Handle SIGTERM in this process from now on."""
        signal.signal(signal.SIGTERM, self.notice)

    def notice(self, *_: object) -> None:
        """Record that the signal arrived."""
        self.signalled = True

    def agree(self, _args: TrainingArguments, signalled: bool, due: bool) -> tuple[bool, bool]:
        """Return both flags as all processes decide. A subclass for several processes exchanges them."""
        return signalled, due

    def on_step_end(self, args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Request a checkpoint if one is due, and the end of the training if any process received the signal."""
        due = self.clock() - self.saved > 60 * MINUTES_BETWEEN
        self.stopped, due = self.agree(args, self.signalled, due)
        control.should_save |= self.stopped or due
        control.should_training_stop |= self.stopped

    def on_epoch_end(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Skip the evaluation if the run stops: the step is saved, and an evaluation would take too long."""
        if self.stopped:
            control.should_evaluate = control.should_save = control.should_log = False

    def on_save(self, _args: TrainingArguments, _state: TrainerState, _control: TrainerControl, **_: object) -> None:
        """Record the time of the checkpoint."""
        self.saved = self.clock()
