"""The two checkouts of an upgrade: the deployed version and this one, both with the lab's analyses.toml."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

DEPLOYED = "157adf1"
"""The deployed commit, from before records, messages and keys had their present owners."""
THRESHOLD = 60_000
"""Bytes above which a processing job examines a file; small, so that small files are above it."""

# The lab's addition to analyses.toml: a prefix whose files are gated until their run is complete.
GATED = """
[analyses.gated]
prefix = "gated/"
formats = ["fastq"]
max_gb = 1.0
gate = "run"
model = "promoter-70"
k = 6
window = 70
stride = 70
strands = "+"
threshold = 0.9
max_n_fraction = 0.1
label = "core promoter"
tracks = false
prior = 0.001
max_reads = 100_000
"""


def deployed_tree(repository: Path, folder: Path) -> Path:
    """Write the files of the deployed version into a folder, from the history of this checkout.

    Skip the test if the history does not contain it: a shallow clone, or a copy without history.
    """
    done = subprocess.run(["git", "-C", str(repository), "archive", DEPLOYED], capture_output=True)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        pytest.skip(f"the history of this checkout lacks commit {DEPLOYED}, which is upgraded from: {reason}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return customise(folder)


def present_tree(repository: Path, folder: Path) -> Path:
    """Write the files of this checkout that `sam build` needs into a folder."""
    unbuilt = shutil.ignore_patterns("__pycache__", ".aws-sam")
    for name in ("functions", "layers", "model_code", "cli"):
        shutil.copytree(repository / name, folder / name, symlinks=True, ignore=unbuilt)
    for name in ("template.yaml", "samconfig.toml", "analyses.toml", "Makefile"):
        shutil.copy(repository / name, folder, follow_symlinks=False)
    return customise(folder)


def customise(tree: Path) -> Path:
    """Apply the lab's changes to a checkout's analyses.toml, and return the checkout."""
    text, count = re.subn(
        r"lambda_gb = \S+", f"lambda_gb = {THRESHOLD / 1e9:.9f}", (tree / "analyses.toml").read_text()
    )
    assert count == 1
    (tree / "analyses.toml").write_text(text + GATED)  # also through a link
    return tree


def run(tree: Path, environment: dict[str, str], *words: str) -> str:
    """Run Python with the packages of a checkout, in its folder, and return its output."""
    packages = (tree, tree / "cli", tree / "layers/seqdrop")
    own = {"PYTHONPATH": os.pathsep.join(map(str, packages)), "COLUMNS": "250", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tree,
        env=environment | own,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def seqdrop(tree: Path, environment: dict[str, str], *words: str) -> str:
    """Run the `seqdrop` command of a checkout, and return its output."""
    return run(tree, environment, "-c", "import sys; from seqdrop_cli.main import main; sys.exit(main())", *words)
