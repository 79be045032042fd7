"""Known vulnerabilities of the pinned packages, from PyPI's index of advisories by pip-audit."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")


@pytest.fixture
def pip_audit(repository) -> Path:
    program = repository / ".venv-audit/bin/pip-audit"
    if not program.is_file():
        pytest.skip("there is no .venv-audit; `make audit` makes it")
    return program


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "layers/base/requirements.txt",
        "layers/reads/requirements.txt",
        "layers/tracing/requirements.txt",
    ],
)
def test_no_pinned_package_has_a_known_vulnerability(pip_audit, repository, name):
    command = [str(pip_audit), "--requirement", str(repository / name), *OPTIONS]
    process = subprocess.run(command, capture_output=True, text=True)
    if not process.stdout:
        pytest.skip(f"pip-audit reached no index of advisories: {process.stderr.strip().splitlines()[-1]}")
    packages = json.loads(process.stdout)["dependencies"]
    if all("skip_reason" in package for package in packages):
        pytest.skip(f"pip-audit reached no index of advisories: {packages[0]['skip_reason']}")
    assert {package["name"]: package["vulns"] for package in packages if package.get("vulns")} == {}
