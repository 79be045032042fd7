"""SageMaker's own training toolkit, in place of the container it runs in.

It reads and writes /opt/ml and looks its hosts up by name; so each job gets namespaces of its own (mounts, network,
processes), as the inference toolkit's servers do (toolkit.py).
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


def python_of(repository: Path) -> Path:
    """The Python that has the toolkit. Skips, by the name of what is missing."""
    python = repository / ".venv-training/bin/python"
    if not python.exists():
        pytest.skip("no .venv-training: `make training-toolkit` makes it")
    for program in ("unshare", "ip"):
        if not shutil.which(program):
            pytest.skip(f"no {program} here: the toolkit runs in namespaces of its own")
    tried = subprocess.run([*NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no right to make namespaces and mounts (root has it): {tried.stderr.strip()}")
    return python


@dataclass
class Job:
    """One training job: folders and files as SageMaker lays them out under `root`/opt/ml."""

    python: Path
    root: Path
    code: bytes
    """The archive of the script, as `seqdrop training push` makes it."""
    channels: dict[str, Path]
    hyperparameters: dict[str, str]
    gpus: int = 0
    log: str = ""
    status: int | None = field(default=None)

    @property
    def ml(self) -> Path:
        return self.root / "opt/ml"

    def lay_out(self) -> None:
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
        self._stand_in_for_gpus()

    def _stand_in_for_gpus(self) -> None:
        """The toolkit starts a process for each GPU that nvidia-smi lists."""
        listed = "".join(f"echo 'GPU {number}: a stand-in'\n" for number in range(self.gpus))
        program = self.root / "bin/nvidia-smi"
        program.write_text(f"#!/bin/sh\n{listed}")
        program.chmod(0o755)

    def environment(self) -> dict[str, str]:
        """Nothing of the tests' own."""
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
        """From its begin to its end."""
        self.lay_out()
        with self.start() as process:
            self.log = process.stdout.read()
        self.status = process.returncode
        return self

    def lines(self, kind: str) -> list[str]:
        """What the script said; with several processes torchrun's output may stand before a line."""
        return [line for line in self.log.splitlines() if line.startswith(f"{kind} ")]
