"""Build the layer of the package seqdrop: `python build_layer.py ARTIFACTS_DIR [x86_64|arm64]`, run by the Makefile.

1. Check analyses.toml. If it has errors, print all of them with their lines and build nothing.
2. Copy the package to ARTIFACTS_DIR/python.
3. Add the C kernel for the target processor: the one in the tree if it was built from the same sources, else a new one,
   compiled with the C compiler of this machine or, without one, with ziglang from PyPI. Fail if neither is available:
   without the kernel files are read at half the speed, and no message would explain why. The file WITHOUT_KERNEL beside
   this one allows a build without the kernel; because it is a file, `sam build --cached` notices it.

This script needs only the standard library of Python 3.11 or later. It fetches cffi, which the compilation requires, if
that is not installed.
"""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "seqdrop"
KERNEL = "reads/kernel"
NO_KERNEL = HERE / "WITHOUT_KERNEL"
NEXT_STEPS = f"""\
Do one of these, and build again:
  - give pip access to PyPI, or to an index with the packages of build-requirements.txt (PIP_INDEX_URL)
  - install a C compiler: apt-get install gcc python3-dev, or dnf install gcc python3-devel (only for this machine's
    own processor; the other requires ziglang)
  - build in AWS's image, which has a compiler: sam build --use-container
  - build without the kernel, at half the speed of validation: touch layers/seqdrop/{NO_KERNEL.name}"""


class LayerBuildError(Exception):
    """The layer cannot be built. The message has the reason and the next steps."""


def main(arguments: list[str]) -> int:
    """Build to the folder that is the first argument, and return the exit status."""
    sys.path.insert(0, str(HERE))
    try:
        check_analyses(PACKAGE / "analyses.toml")
        build(Path(arguments[0]), *arguments[1:2])
    except LayerBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def check_analyses(path: Path) -> None:
    """Raise LayerBuildError with all errors of analyses.toml, one per line."""
    from seqdrop.config.documents import ConfigFileError, decode
    from seqdrop.kinds.registry import parse

    try:
        parse(decode(path.read_bytes(), path.name), path.name)
    except ConfigFileError as error:
        raise LayerBuildError(f"{error}\n{path.name} has errors, so nothing was built.") from None


def build(artifacts: Path, architecture: str = "") -> None:
    """Write the content of the layer. Raise LayerBuildError if there is no kernel."""
    target = artifacts / "python" / PACKAGE.name
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__", "_kernel_*"), dirs_exist_ok=True)
    if NO_KERNEL.exists():
        print(f"{NO_KERNEL.name} exists, so the layer has no C kernel: files are read with numpy, at half the speed")
        return
    put_kernel(architecture or platform.machine(), target / KERNEL)


def put_kernel(architecture: str, folder: Path) -> None:
    """Copy the kernel of the tree if it is up to date, else compile one. Raise LayerBuildError if that fails."""
    from seqdrop.reads.kernel import build as kernel

    machine = kernel.MACHINES.get(architecture, architecture)
    if ready := kernel.find_fresh(machine):
        shutil.copy2(ready, folder)
        return
    with tempfile.TemporaryDirectory() as tools:
        try:
            try:
                compile_with(tools, kernel, machine, folder, own=True)
            except kernel.KernelBuildError:  # no compiler here, or one whose output Lambda cannot load
                compile_with(tools, kernel, machine, folder, own=False)
        except kernel.KernelBuildError as error:
            raise LayerBuildError(
                f"The C kernel cannot be compiled for {architecture}: {error}\n{NEXT_STEPS}"
            ) from None
    print(f"compiled the C kernel for {architecture}")


def compile_with(tools: str, kernel: ModuleType, machine: str, folder: Path, own: bool) -> None:
    """Compile with the C compiler of this machine (`own`) or with ziglang; fetch missing packages to `tools`."""
    if own:
        kernel.find_own_compiler(machine)  # raises before anything is fetched
    for name in ("cffi",) if own else ("cffi", "ziglang"):
        if find_spec(name) is None:
            fetch(tools, name, kernel.KernelBuildError)
    kernel.build(machine, folder, own=own)


def fetch(tools: str, name: str, error: type[Exception]) -> None:
    """Install a package of build-requirements.txt to a folder, for this process and its child processes."""
    pins = (HERE / "build-requirements.txt").read_text().split()
    (pin,) = [word for word in pins if word.startswith(f"{name}==")]
    print(f"fetching {pin}, which the compilation of the C kernel requires")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    done = subprocess.run([*pip, "--target", tools, pin], capture_output=True, text=True)
    if done.returncode:
        raise error(f"pip cannot fetch {pin}: {done.stderr.strip()[-500:]}")
    sys.path.append(tools)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tools, os.environ.get("PYTHONPATH"))))
    importlib.invalidate_caches()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
