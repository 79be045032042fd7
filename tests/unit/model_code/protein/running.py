"""train.py in processes of its own, as a training job starts it: one, or several under torchrun."""

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
"""As 32 small proteins need it."""


@dataclass
class Run:
    """One training: its folders, what it is told, and what it said."""

    folder: Path
    data: Path
    start_from: Path | None = None
    processes: int = 1
    told: dict = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    status: int | None = None

    @property
    def model_dir(self) -> Path:
        return self.folder / "model"

    def command(self) -> list[str]:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={self.processes}"]
        told = [text for name, value in (QUICK | self.told).items() for text in (f"--{name}", str(value).lower())]
        folders = ["--data", self.data, "--model-dir", self.model_dir, "--checkpoints", self.folder / "checkpoints"]
        weights = ["--start-from", self.start_from] if self.start_from else []
        start = [sys.executable, *(launch if self.processes > 1 else []), TRAIN]
        return [str(word) for word in (*start, *told, *folders, *weights)]

    def started(self, **environment: str) -> subprocess.Popen:
        self.folder.mkdir(exist_ok=True)
        named = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "SM_OUTPUT_DIR": str(self.folder)}
        with (self.folder / "errors").open("w") as errors:
            return subprocess.Popen(
                self.command(), stdout=subprocess.PIPE, stderr=errors, text=True, env=named | environment
            )

    def done(self) -> Run:
        """Run it to its end, which must be a good one, with nothing to complain of."""
        with self.started() as process:
            self.lines = process.stdout.read().splitlines()
        assert process.returncode == 0, self.errors()
        assert self.errors() == ""
        return self

    def interrupted(self) -> Run:
        """Run it until it tells its first step, then send SIGTERM.

        The pipe holds a few lines and nobody reads: it cannot have ended before the signal comes.
        """
        with self.started() as process:
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
            first = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            self.lines = [first.rstrip("\n"), *process.stdout.read().splitlines()]
        self.status = process.returncode
        return self

    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    def figures(self, kind: str) -> list[dict[str, float]]:
        """Of its lines of one kind, in order."""
        found = [line.split()[1:] for line in self.lines if line.split()[0] == kind]
        return [{name: float(value) for name, value in (word.split("=") for word in words)} for words in found]

    def losses(self) -> dict[int, float]:
        """By step."""
        return {int(one["step"]): one["loss"] for one in self.figures("progress")}

    def validations(self) -> dict[float, float]:
        """Q3 by epoch."""
        return {one["epoch"]: one["q3"] for one in self.figures("validation")}
