"""SageMaker's own training toolkit, run without its container.

The toolkit reads and writes /opt/ml and looks up its hosts by name. So each job has its own namespaces (mounts,
network, processes), like the servers of the inference toolkit (toolkit.py).
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.contract.toolkit import NAMESPACES

if TYPE_CHECKING:
    from pathlib import Path

START = """
set -e
ip link set lo up
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$ROOT/etc,workdir=$ROOT/overlay" /etc
echo 127.0.0.1 algo-1 >> /etc/hosts
mount --bind "$ROOT/opt" /opt
cd /opt/ml/code
exec train
"""
MODULE = "sagemaker_pytorch_container.training:main"
RESOURCES = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
CHANNEL = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}


def find_python(repository: Path) -> Path:
    """Return the Python with the toolkit; skip the test if a prerequisite is missing, and name it."""
    python = repository / ".venv-training/bin/python"
    if not python.exists():
        pytest.skip("there is no .venv-training; `make training-toolkit` makes it")
    for program in ("unshare", "ip"):
        if not shutil.which(program):
            pytest.skip(f"there is no {program}; the toolkit needs its own namespaces")
    process = subprocess.run([*NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if process.returncode:
        pytest.skip(f"no permission to make namespaces and mounts, which root has: {process.stderr.strip()}")
    return python


@dataclass
class Job:
    """A training job: folders and files below `root`/opt/ml with the layout of SageMaker."""

    python: Path
    root: Path
    code: bytes
    """The archive of the script, as made by `seqdrop training push`."""
    channels: dict[str, Path]
    hyperparameters: dict[str, str]
    gpus: int = 0
    log: str = ""
    status: int | None = field(default=None)

    @property
    def ml(self) -> Path:
        return self.root / "opt/ml"

    def write_files(self) -> None:
        for name in ("etc", "overlay", "bin", "opt/ml/input/config", "opt/ml/input/data", "opt/ml/model"):
            (self.root / name).mkdir(parents=True)
        for name in ("output/data", "checkpoints"):
            (self.ml / name).mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(self.code)) as archive:
            archive.extractall(self.ml / "code", filter="data")
        for name, folder in self.channels.items():
            shutil.copytree(folder, self.ml / "input/data" / name)
        config = {
            "hyperparameters": self.hyperparameters | {"sagemaker_program": '"train.py"'},
            "resourceconfig": RESOURCES,
            "inputdataconfig": dict.fromkeys(self.channels, CHANNEL),
        }
        for name, value in config.items():
            (self.ml / f"input/config/{name}.json").write_text(json.dumps(value))
        self._simulate_gpus()

    def _simulate_gpus(self) -> None:
        """Write an nvidia-smi that lists GPUs; the toolkit starts a process for each GPU in its output."""
        lines = "".join(f"echo 'GPU {number}: simulated'\n" for number in range(self.gpus))
        program = self.root / "bin/nvidia-smi"
        program.write_text(f"#!/bin/sh\n{lines}")
        program.chmod(0o755)

    def environment(self) -> dict[str, str]:
        """Return the environment, which has only PATH of the tests' own environment."""
        return {
            "PATH": f"{self.root / 'bin'}:{self.python.parent}:{os.environ['PATH']}",
            "ROOT": str(self.root),
            "HOME": "/opt/ml",
            "SAGEMAKER_TRAINING_MODULE": MODULE,
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "lo",
            "HF_HUB_OFFLINE": "1",
        }

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(
            [*NAMESPACES, "sh", "-c", START],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> Job:
        """Run the job until it ends, and return it with its log and exit status."""
        self.write_files()
        with self.start() as process:
            self.log = process.stdout.read()
        self.status = process.returncode
        return self

    def lines(self, kind: str) -> list[str]:
        """Return the log lines that begin with `kind`; with several processes, torchrun may write before a line."""
        return [line for line in self.log.splitlines() if line.startswith(f"{kind} ")]
