"""An S3 stub for benchmarks: s3_stub.c, compiled, on a free port of 127.0.0.1.

It discards the bodies of requests, so that a benchmark of a client measures the client. The benchmark prints the share
of the stub in the CPU time, and is invalid above MOST_SHARE. Linux only: the CPU time comes from /proc.
"""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.reads.kernel.build import find_compiler

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_suffix(".c")
MOST_SHARE = 0.1  # of the client's CPU time
REQUESTS = ("puts", "parts", "creates", "completes", "aborts", "heads", "lists")


@dataclass(frozen=True)
class Counts:
    """What the stub received: requests to S3 and to DynamoDB, bytes of bodies, and its own CPU time in seconds."""

    requests: int
    ledger: int
    refused: int
    payload: int
    cpu: float

    def since(self, earlier: Counts) -> Counts:
        """Return what was received after `earlier`."""
        return Counts(
            self.requests - earlier.requests,
            self.ledger - earlier.ledger,
            self.refused - earlier.refused,
            self.payload - earlier.payload,
            self.cpu - earlier.cpu,
        )


@dataclass(frozen=True)
class Stub:
    """A running stub: its address, and its process."""

    endpoint: str
    process: int

    def counts(self) -> Counts:
        """Return the counters since the start."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.endpoint}/-/counts") as response:
            counts = json.load(response)
        requests = sum(counts[name] for name in REQUESTS)
        return Counts(requests, counts["ledger"], counts["others"], counts["bytes"], self._cpu_seconds())

    def _cpu_seconds(self) -> float:
        nanoseconds = Path(f"/proc/{self.process}/schedstat").read_text().split()[0]  # times() counts in 10 ms
        return int(nanoseconds) / 1e9


@contextmanager
def run_stub() -> Iterator[Stub]:
    """Compile the stub, and yield it while it runs. Raise KernelBuildError if there is no C compiler."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "s3_stub")
        compiler = find_compiler(platform.machine())
        subprocess.run([*compiler, "-O2", "-o", str(program), str(SOURCE)], check=True)
        with subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True) as process:
            try:
                port = process.stdout.readline() if process.stdout else ""
                yield Stub(f"http://127.0.0.1:{int(port)}", process.pid)
            finally:
                process.terminate()
