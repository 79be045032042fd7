"""The code of processing jobs: a zip for their module path, with this package and the packages that it needs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import seqdrop
from packaging.requirements import Requirement
from seqdrop.models.packing import make_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

# The manylinux platforms whose wheels run in AWS's images (Ubuntu 22.04, glibc 2.35), newest first.
PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


def build_code(requirements: Path, python: str, architecture: str) -> bytes:
    """Return the zip for an image with a version of Python (such as 3.12) and an architecture (such as x86_64).

    Raise ValueError if pip fails.
    """
    package = Path(seqdrop.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        _install(select_requirements(requirements, python), python, architecture, Path(folder))
        return pack([Path(folder), package.parent], only={package.parent: package.name})


def pack(folders: list[Path], only: dict[Path, str] | None = None, *, bytecode: bool = False) -> bytes:
    """Return a zip of the files below the folders. The same files give the same bytes.

    `only` maps a folder to the single member that is taken from it. If two folders have a file of the same name, the
    file of the later folder is taken. Bytecode, which is of one version of Python, is left out unless it is asked for.
    """
    members = only or {}
    paths = {name: path for folder in folders for name, path in _files(folder, members.get(folder, ""))}
    return make_zip({name: path for name, path in paths.items() if bytecode or "__pycache__" not in path.parts})


def _files(folder: Path, member: str) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of each file below a member of a folder."""
    for path in (folder / member).rglob("*"):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def select_requirements(requirements: Path, python: str) -> list[str]:
    """Return the requirements whose markers hold for that Python.

    pip cannot select them, because it evaluates markers for the Python that it runs on.
    """
    lines = [line.partition("#")[0].strip() for line in requirements.read_text().splitlines()]
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return [
        f"{requirement.name}{requirement.specifier}"
        for requirement in (Requirement(line) for line in lines if line)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]


def _install(packages: list[str], python: str, architecture: str, target: Path) -> None:
    platforms = [word for name in PLATFORMS for word in ("--platform", f"{name}_{architecture}")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    options = ["--no-deps", "--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
    process = subprocess.run(
        [*command, "--target", str(target), *options, *platforms, *packages],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if process.returncode:
        raise ValueError(f"pip found no wheels for Python {python} on {architecture}:\n{process.stdout[-2000:]}")
