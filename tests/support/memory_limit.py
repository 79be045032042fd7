"""A memory limit for one process, as Lambda's: a memory cgroup where this machine allows it, else RLIMIT_DATA."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path
from typing import Protocol

ROOT = Path("/sys/fs/cgroup")
MEGABYTE = 1 << 20


class MemoryLimit(Protocol):
    """A limit in bytes, which `command` sets for the program that it starts."""

    kills: bool  # the kernel ends a process that exceeds the limit, as in Lambda; else its allocations fail

    def command(self, program: list[str]) -> list[str]:
        """Return the command that runs a program under the limit."""

    def close(self) -> None:
        """Remove what the limit needed. Its processes must have ended."""


class Group:
    """A memory cgroup of its own, of version 1 or 2. Raise OSError if this process may not make one."""

    kills = True

    def __init__(self, limit: int) -> None:
        v1 = ROOT / "memory"
        self._files = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes") if v1.is_dir() else ("memory.max", "memory.current")
        )
        self._folder = (v1 if v1.is_dir() else ROOT) / _own_group() / f"seqdrop-{uuid.uuid4().hex[:12]}"
        self._folder.mkdir()
        try:
            self.set(limit)
            if v1.is_dir():
                (self._folder / "memory.swappiness").write_text("0")
            else:
                (self._folder / "memory.swap.max").write_text("0")
        except OSError:
            self._folder.rmdir()
            raise

    def set(self, limit: int) -> None:
        """Change the limit of the processes that already run in the group."""
        (self._folder / self._files[0]).write_text(str(limit))

    def usage(self) -> int:
        """Return the bytes in use by the processes of the group."""
        return int((self._folder / self._files[1]).read_text())

    def command(self, program: list[str]) -> list[str]:
        """Return the command that runs a program in the group: a shell enters it, and becomes the program."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._folder / "cgroup.procs"), *program]

    def close(self) -> None:
        """Remove the group, which the kernel allows shortly after its last process has ended."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                return self._folder.rmdir()
            time.sleep(0.05)  # the kernel does not announce it
        return self._folder.rmdir()


class Resource:
    """RLIMIT_DATA: writable memory of a process. Beyond it, Python raises MemoryError."""

    kills = False

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def command(self, program: list[str]) -> list[str]:
        """Return the command that runs a program under the limit."""
        return ["sh", "-c", f'ulimit -d {self._limit // 1024} && exec "$@"', "sh", *program]

    def close(self) -> None:
        """Do nothing: the limit ends with its process."""


def make_limit(megabytes: int) -> Group | Resource:
    """Return a limit of this many MB."""
    try:
        return Group(megabytes * MEGABYTE)
    except OSError:
        return Resource(megabytes * MEGABYTE)


def _own_group() -> str:
    """Return the path of this process's memory cgroup, below the root of its hierarchy."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{os.getpid()}/cgroup").read_text().splitlines()]
    groups = {controllers: path for _, controllers, path in lines}
    return groups.get("memory", groups.get("", "/")).lstrip("/")
