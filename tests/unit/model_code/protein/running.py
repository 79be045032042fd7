"""train.py in its own processes, as a training job starts it: one, or several under torchrun."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TRAIN = Path(__file__).resolve().parents[4] / "model_code" / "protein" / "train.py"
QUICK = {"epochs": 6, "tokens_per_batch": 300, "learning_rate": 1e-2, "patience": 0, "max_length": 60}
"""Settings that suit 32 small proteins."""


@dataclass
class Run:
    """One training: its folders, its settings, its output lines and its exit status."""

    folder: Path
    data: Path
    start_from: Path | None = None
    processes: int = 1
    settings: dict = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    status: int | None = None

    @property
    def model_dir(self) -> Path:
        return self.folder / "model"

    def command(self) -> list[str]:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={self.processes}"]
        settings = [
            text for name, value in (QUICK | self.settings).items() for text in (f"--{name}", str(value).lower())
        ]
        folders = ["--data", self.data, "--model-dir", self.model_dir, "--checkpoints", self.folder / "checkpoints"]
        weights = ["--start-from", self.start_from] if self.start_from else []
        start = [sys.executable, *(launch if self.processes > 1 else []), TRAIN]
        return [str(word) for word in (*start, *settings, *folders, *weights)]

    def start(self, **environment: str) -> subprocess.Popen:
        self.folder.mkdir(exist_ok=True)
        named = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "SM_OUTPUT_DIR": str(self.folder)}
        with (self.folder / "errors").open("w") as errors:
            return subprocess.Popen(
                self.command(), stdout=subprocess.PIPE, stderr=errors, text=True, env=named | environment
            )

    def complete(self) -> Run:
        """Run the training to its end. It must succeed and write nothing to stderr."""
        with self.start() as process:
            self.lines = process.stdout.read().splitlines()
        assert process.returncode == 0, self.errors()
        assert self.errors() == ""
        return self

    def interrupt(self) -> Run:
        """Run the training until it reports its first step, then send SIGTERM.

        The pipe holds only a few lines and is not read meanwhile, so the training cannot end before the signal arrives.
        """
        with self.start() as process:
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
            first = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            self.lines = [first.rstrip("\n"), *process.stdout.read().splitlines()]
        self.status = process.returncode
        return self

    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    def figures(self, kind: str) -> list[dict[str, float]]:
        """Return the figures of its lines of one kind, in order."""
        lines = [line.split()[1:] for line in self.lines if line.split()[0] == kind]
        return [{name: float(value) for name, value in (word.split("=") for word in words)} for words in lines]

    def losses(self) -> dict[int, float]:
        """Return the loss of each step."""
        return {int(line["step"]): line["loss"] for line in self.figures("progress")}

    def validations(self) -> dict[float, float]:
        """Return the Q3 of each epoch."""
        return {line["epoch"]: line["q3"] for line in self.figures("validation")}
