"""The tests of the C kernel under the address and undefined-behaviour sanitizers, in a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -g"
SUITES = ("test_kernel.py", "test_fastq_and_fasta.py", "test_every_fault.py")
# A read one word beyond the set, which the sanitizer must detect.
PLANTED = "volatile uint64_t beyond = words[size]; (void)beyond;"


@pytest.fixture
def runtime() -> str:
    """Return the path of the sanitizer's library, which must be loaded before Python's own."""
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build the kernel with sanitizers")
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    if not Path(asan).is_file():
        pytest.skip("gcc has no libasan to build the kernel with sanitizers")
    return asan


@pytest.fixture
def package(repository, tmp_path) -> Path:
    """Return the folder of a copy of the package without a kernel."""
    ignored = shutil.ignore_patterns("__pycache__", "_kernel_*")
    shutil.copytree(repository / "layers/seqdrop/seqdrop", tmp_path / "seqdrop", ignore=ignored)
    return tmp_path


def build(package: Path) -> None:
    environment = os.environ | {"CC": f"gcc {FLAGS}", "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "seqdrop.reads.kernel.build"]
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def run(package: Path, repository: Path, runtime: str) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (package, repository))),
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",  # Python does not free all memory before it exits
        "PYTHONMALLOC": "malloc",
    }
    suites = [str(repository / "tests/unit/reads" / name) for name in SUITES]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-s", *suites]  # -s: show the error that ends the process
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)


@pytest.mark.long
def test_its_tests_pass_under_the_sanitizers(package, repository, runtime):
    build(package)
    process = run(package, repository, runtime)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "the C kernel is not built" not in process.stdout


@pytest.mark.long
def test_a_planted_read_beyond_the_end_is_detected(package, repository, runtime):
    source = package / "seqdrop/reads/kernel/names.c"
    head, mark, tail = source.read_text().partition("void seqdrop_bits(")
    signature, brace, body = tail.partition("{")
    source.write_text(f"{head}{mark}{signature}{brace} {PLANTED} {body}")
    build(package)
    process = run(package, repository, runtime)
    assert process.returncode != 0
    assert "heap-buffer-overflow" in process.stdout + process.stderr
