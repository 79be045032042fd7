"""Processes told apart by session: the server leads one, SageMaker another, and whatever they start stays in it.

A session, not a process group, is the unit: a transform job's container leads a group of its own
(so that stopping a job ends its helpers too) and still belongs to SageMaker's session.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")
DEAD_STATES = frozenset("ZX")


def find_session_members(session_id: int) -> set[int]:
    """The pids of the living processes of a session; zombies are dead already."""
    entries = (entry for entry in PROC.iterdir() if entry.name.isdigit())
    return {int(entry.name) for entry in entries if _belongs(entry, session_id)}


def is_session_of(session_id: int, workdir: Path) -> bool:
    """Whether it is led by a server of this directory, or its warden is left, and not of one who got its number."""
    return any(str(workdir) in read_command_line(pid) for pid in find_session_members(session_id))


def _belongs(entry: Path, session_id: int) -> bool:
    try:
        text = (entry / "stat").read_text(errors="replace")
    except OSError:
        return False
    # The second field is the program's name in brackets and may itself hold spaces and brackets.
    state, _parent, _group, session = text.rpartition(")")[2].split()[:4]
    return int(session) == session_id and state not in DEAD_STATES


def kill_session(session_id: int, spare: frozenset[int] = frozenset(), timeout: float = 10.0) -> set[int]:
    """Kill every process of a session until none is left; answers those that would not die in time."""
    deadline = time.monotonic() + timeout
    while (left := find_session_members(session_id) - spare) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return left


def read_command_line(pid: int) -> list[str]:
    """The arguments a process was started with; empty when there is no such process."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [argument.decode(errors="replace") for argument in raw.split(b"\0")[:-1]]
