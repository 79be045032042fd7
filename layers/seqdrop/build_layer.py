"""Build the layer of the package seqdrop: `python build_layer.py ARTIFACTS_DIR [x86_64|arm64]`, run by the Makefile.

1. Check analyses.toml; if anything is wrong with it, say all of it by line and build nothing.
2. Copy the package to ARTIFACTS_DIR/python.
3. Put the C kernel for that processor into the copy: the one that lies in the tree if it is made of the same sources,
   else a new one, by the C compiler of this machine or else by ziglang from PyPI. If neither is available, fail:
   without the kernel, files are read at half the speed, and no message would say why.
   A file WITHOUT_KERNEL beside this one says that this is wanted; being a file, it is part of what `sam build --cached`
   compares.

Needs only the standard library of Python 3.11 or later; cffi, which compiling takes, is fetched if it is not there.
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

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "seqdrop"
KERNEL = "reads/kernel"
NO_KERNEL = HERE / "WITHOUT_KERNEL"
NEXT_STEPS = f"""\
Do one of these, and build again:
  - let pip reach PyPI, or an index that has what build-requirements.txt names (PIP_INDEX_URL)
  - install a C compiler: apt-get install gcc python3-dev, or dnf install gcc python3-devel (for this machine's own
    processor only; for the other it takes ziglang)
  - build in AWS's image, which has a compiler: sam build --use-container
  - ship without the kernel on purpose, at half the speed of validation: touch layers/seqdrop/{NO_KERNEL.name}"""


class LayerBuildError(Exception):
    """Why there is no layer, and what to do."""


def main(arguments: list[str]) -> int:
    """Build to the folder that is the first argument; return the exit status."""
    sys.path.insert(0, str(HERE))
    try:
        check_analyses(PACKAGE / "analyses.toml")
        build(Path(arguments[0]), *arguments[1:2])
    except LayerBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def check_analyses(path: Path) -> None:
    """Raise LayerBuildError with everything that is wrong with analyses.toml, a line each."""
    from seqdrop.config.documents import ConfigFileError, decode
    from seqdrop.kinds.registry import parse

    try:
        parse(decode(path.read_bytes(), path.name), path.name)
    except ConfigFileError as error:
        raise LayerBuildError(f"{error}\n{path.name} is wrong, so nothing was built.") from None


def build(artifacts: Path, architecture: str = "") -> None:
    """Write the layer's content."""
    target = artifacts / "python" / PACKAGE.name
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__", "_kernel_*"), dirs_exist_ok=True)
    if NO_KERNEL.exists():
        print(f"{NO_KERNEL.name} is there, so the layer has no C kernel: files are read by numpy, at half the speed")
        return
    put_kernel(architecture or platform.machine(), target / KERNEL)


def put_kernel(architecture: str, folder: Path) -> None:
    """Copy the kernel that lies in the tree, if it is fresh, or compile one. Raise LayerBuildError."""
    from seqdrop.reads.kernel import build as kernel

    machine = kernel.MACHINES.get(architecture, architecture)
    if ready := kernel.find_fresh(machine):
        shutil.copy2(ready, folder)
        return
    with tempfile.TemporaryDirectory() as tools:
        try:
            try:
                compile_with(tools, kernel, machine, folder, own=True)
            except kernel.KernelBuildError:  # no compiler of our own, or one that makes what Lambda cannot load
                compile_with(tools, kernel, machine, folder, own=False)
        except kernel.KernelBuildError as error:
            raise LayerBuildError(
                f"The C kernel cannot be compiled for {architecture}: {error}\n{NEXT_STEPS}"
            ) from None
    print(f"compiled the C kernel for {architecture}")


def compile_with(tools: str, kernel, machine: str, folder: Path, own: bool) -> None:
    """Compile by the C compiler of this machine, or by ziglang; fetch to `tools` what is not installed."""
    if own:
        kernel.own_compiler(machine)  # before anything is fetched
    for name in ("cffi",) if own else ("cffi", "ziglang"):
        if find_spec(name) is None:
            fetch(tools, name, kernel.KernelBuildError)
    kernel.build(machine, folder, own=own)


def fetch(tools: str, name: str, error: type[Exception]) -> None:
    """Install a package of build-requirements.txt to a folder, and have this process and those it starts find it."""
    pins = (HERE / "build-requirements.txt").read_text().split()
    (pin,) = [word for word in pins if word.startswith(f"{name}==")]
    print(f"fetching {pin}, which compiling the C kernel takes")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    done = subprocess.run([*pip, "--target", tools, pin], capture_output=True, text=True)
    if done.returncode:
        raise error(f"pip cannot fetch {pin}: {done.stderr.strip()[-500:]}")
    sys.path.append(tools)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tools, os.environ.get("PYTHONPATH"))))
    importlib.invalidate_caches()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
