"""The programs of reviewers, each in an environment that `make reviewers` makes; a test without its program skips."""

from __future__ import annotations

import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
GUARD = "package/bin/{system}/{machine}/cfn-guard"
GUARD_SYSTEMS = {"linux": "ubuntu", "darwin": "macos"}
GUARD_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def find_program(environment: str, name: str) -> Path:
    """Return a program of .venv-<environment>, or skip the test."""
    folder = REPOSITORY / f".venv-{environment}"
    program = folder / "bin" / name
    if not (folder / ".ready").is_file() or not program.is_file():
        pytest.skip(f"there is no .venv-{environment}; `make reviewers` makes it")
    return program


def run(command: list[str | Path], expected: tuple[int, ...] = (0, 1)) -> str:
    """Return what a program prints. Fail if its exit status is none of those for "no finding" and "findings"."""
    process = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=REPOSITORY)
    assert process.returncode in expected, process.stderr[-2000:]
    return process.stdout


def find_guard(folder: Path) -> tuple[Path, Path]:
    """Return cfn-guard and the folder of its rules, unpacked to `folder` from .venv-guard, or skip the test."""
    python = find_program("guard", "python")
    system, machine = GUARD_SYSTEMS.get(sys.platform), GUARD_MACHINES.get(platform.machine())
    if not system or not machine:
        pytest.skip(f"the package has no cfn-guard for {sys.platform} on {platform.machine()}")
    (archive,) = python.parent.parent.glob("lib/python*/site-packages/cdklabs/cdk_validator_cfnguard/_jsii/*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    program = folder / GUARD.format(system=system, machine=machine)
    program.chmod(0o755)
    return program, folder / "package/rules/control-tower/cfn-guard"
