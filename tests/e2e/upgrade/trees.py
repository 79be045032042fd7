"""The two checkouts of an upgrade: the deployed version and this version, both with the lab's analyses.toml."""

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
"""The deployed commit. It precedes the modules that now define records, messages and keys."""
THRESHOLD = 60_000
"""Bytes above which a processing job examines a file; tiny, so that the files of the test can exceed it."""
MIN_Q3 = 0.2
"""The lab's bar for models of proteins/; low, because the trainings of the test take seconds."""

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


def extract_deployed_tree(repository: Path, folder: Path) -> Path:
    """Write the files of the deployed version into a folder, from the history of this checkout.

    Skip the test if the history does not contain it: a shallow clone, or a copy without history.
    """
    process = subprocess.run(["git", "-C", str(repository), "archive", DEPLOYED], capture_output=True)
    if process.returncode:
        reason = process.stderr.decode(errors="replace").strip()
        pytest.skip(f"the history of this checkout lacks commit {DEPLOYED}, from which the test upgrades: {reason}")
    with tarfile.open(fileobj=io.BytesIO(process.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return customise(folder)


def copy_present_tree(repository: Path, folder: Path) -> Path:
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
    text = text.replace("min_q3 = 0.70", f"min_q3 = {MIN_Q3}")  # only this version has it
    (tree / "analyses.toml").write_text(text + GATED)  # also through a link
    return tree


def run(tree: Path, environment: dict[str, str], *words: str) -> str:
    """Run Python with the packages of a checkout, in its folder, and return its output."""
    packages = (tree, tree / "cli", tree / "layers/seqdrop")
    own = {"PYTHONPATH": os.pathsep.join(map(str, packages)), "COLUMNS": "250", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.run(
        [sys.executable, *words],
        cwd=tree,
        env=environment | own,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    output = process.stdout[-2000:] + process.stderr[-4000:]
    assert process.returncode == 0, f"{words} ended with {process.returncode}:\n{output}"
    return process.stdout


def seqdrop(tree: Path, environment: dict[str, str], *words: str) -> str:
    """Run the `seqdrop` command of a checkout, and return its output."""
    return run(tree, environment, "-c", "import sys; from seqdrop_cli.main import main; sys.exit(main())", *words)
