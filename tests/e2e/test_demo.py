"""The demo as a program: its exit status and messages, and that it leaves no processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.samples import write_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FASTQ = b"@r1\n" + b"ACGT" * 25 + b"\n+\n" + b"IIII" * 25 + b"\n"


def find_processes(folder: Path) -> list[str]:
    """Return the command lines of processes that contain the name of a folder."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # the process has just ended
        if str(folder) in line:
            lines.append(line)
    return lines


@pytest.fixture
def demo(tmp_path, repository) -> Iterator[Callable[..., subprocess.Popen]]:
    """Yield a function that starts the demo in a temporary folder, as `make demo` does.

    What a test that failed has left running is stopped.
    """
    environment = {**os.environ, "PYTHONPATH": str(repository), "COLUMNS": "200"}

    def start(*options: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "local.demo", *options],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            # A shell without job control starts background processes with SIGINT ignored; the demo must not inherit it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    yield start
    if find_processes(tmp_path):
        finish(start("--stop"))


def finish(process: subprocess.Popen) -> str:
    text, _ = process.communicate(timeout=240)
    return text


def check_samples(text: str, results: Path) -> None:
    """Check what a demo with its samples has printed and downloaded."""
    for word in (
        "ARCHIVED",
        "REJECTED",
        "length_mismatch",
        "DEEP_ARCHIVE, checksum verified",
        "pair checked",
        "predictions.parquet",
        "trained structure",
        "registered as a candidate",
        "seqdrop models promote structure",
        "structure is now 20",
        "20 proteins",
    ):
        assert word in text
    assert len(list(results.rglob("receipt.json"))) == 9
    assert len(list(results.rglob("report.html"))) == 6
    assert len(list(results.rglob("multiqc/seqdrop_general_mqc.json"))) == 6
    (reason,) = results.rglob("reason.json")
    assert json.loads(reason.read_text())["line"] == 148
    for name in ("calls.bed", "calls.gff3", "track.plus.bw", "track.minus.bedgraph", "predictions.parquet"):
        assert (results / "contigs/assembly 1.fasta" / name).is_file()
    assert (results / "proteins/made up.fasta/structure.parquet").is_file()


@pytest.mark.long  # the samples are also those of the demo that is kept
def test_the_demo_succeeds_and_stops_what_it_started(demo, tmp_path):
    process = demo()
    text = finish(process)
    assert process.returncode == 0, text
    check_samples(text, tmp_path / ".seqdrop/results")
    assert find_processes(tmp_path) == []
    assert not (tmp_path / ".seqdrop/stack.json").exists()


@pytest.mark.parametrize("word", ["enforced", pytest.param("dropped into", marks=pytest.mark.long)])
def test_ctrl_c_leaves_nothing_running(demo, tmp_path, word):
    process = demo()
    for line in process.stdout:
        if word in line:
            break
    if word == "enforced":  # a second demo in the same folder exits with a message and does not disturb the first
        second = demo()
        assert "another `make demo` is running" in finish(second)
        assert second.returncode == 2
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    text = finish(process)
    assert process.returncode == 130, text
    assert "nothing is left running" in text
    assert find_processes(tmp_path) == []


def test_a_port_that_is_in_use_is_reported(demo, tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        process = demo("--port", str(listener.getsockname()[1]))
        text = finish(process)
    assert process.returncode == 2
    assert "is in use" in text
    assert find_processes(tmp_path) == []


def test_a_missing_file_is_reported_before_anything_starts(demo):
    process = demo("--drop", "no such file")
    assert finish(process) == "seqdrop: no such file does not exist; check the path\n"
    assert process.returncode == 2


@pytest.mark.parametrize("port", ["99999", "0", "abc", "-1"])
def test_a_wrong_port_is_one_line(demo, port):
    process = demo(f"--port={port}")
    text = finish(process)
    assert (process.returncode, text.count("\n")) == (2, 1)
    assert f"seqdrop: argument --port: '{port}' is not a port: it is a number from 1 to 65535" in text


def test_a_demo_can_be_kept_and_used_again_and_stopped(demo, tmp_path):
    """`make demo KEEP=1`, drops of other files into it, and `make stop`."""
    first = demo("--keep")
    text = finish(first)
    assert first.returncode == 0, text
    check_samples(text, tmp_path / ".seqdrop/results")
    stack = json.loads((tmp_path / ".seqdrop/stack.json").read_text())
    assert {"endpoint", "region", "landing", "work", "results", "models", "archive", "table"} <= set(stack)
    assert stack["endpoint"] in text
    assert find_processes(tmp_path)

    mine = tmp_path / "my reads"
    mine.mkdir()
    (mine / "good.fastq").write_bytes(FASTQ)
    (mine / "bad.fastq").write_bytes(FASTQ[:-4])
    second = demo("--drop", str(mine))
    text = finish(second)
    assert second.returncode == 0, text
    assert "is up at" in text
    assert find_processes(tmp_path), "a second run must not stop the stack that the first run kept"
    assert {"ARCHIVED\treads/my reads/good.fastq", "REJECTED\treads/my reads/bad.fastq"} <= read_status(tmp_path)

    (mine / "lone_R1.fastq").write_bytes(FASTQ)
    third = demo("--drop", str(mine / "lone_R1.fastq"))
    text = finish(third)
    assert third.returncode == 0, text
    assert "waits for its mate, reads/lone_R2.fastq" in text

    stop = demo("--stop")
    assert "Stopped" in finish(stop)
    assert find_processes(tmp_path) == []
    assert not (tmp_path / ".seqdrop/stack.json").exists()
    again = demo("--stop")
    assert "Nothing was running" in finish(again)
    assert again.returncode == 0


def read_status(folder: Path) -> set[str]:
    """Return the state and name of each upload that `seqdrop status` lists, with a tab between them."""
    command = [str(Path(sys.executable).parent / "seqdrop"), "status"]
    environment = {**os.environ, "COLUMNS": "200"}
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=True).stdout
    return {"\t".join(line.split("\t")[1:3]) for line in printed.splitlines()}


def test_samples_depend_only_on_the_seed(tmp_path):
    first, second = write_samples(tmp_path / "a"), write_samples(tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    other = write_samples(tmp_path / "c", seed=1)
    assert first[0].read_bytes() != other[0].read_bytes()
