"""Processes by session: the server leads one, SageMaker another, and the processes that each starts stay in it.

The unit is a session and not a process group: the container of a transform job leads a group of its own, so that
stopping a job also ends the container's helpers, and still belongs to SageMaker's session.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")
DEAD_STATES = frozenset("ZX")


def find_session_members(session_id: int) -> set[int]:
    """Return the ids of the living processes of a session; zombies count as dead."""
    entries = (entry for entry in PROC.iterdir() if entry.name.isdigit())
    return {int(entry.name) for entry in entries if _is_member(entry, session_id)}


def is_session_of(session_id: int, workdir: Path) -> bool:
    """Return True if a server of this directory, or its warden, is in the session.

    Return False for a later, unrelated session with the same number.
    """
    return any(str(workdir) in read_command_line(pid) for pid in find_session_members(session_id))


def _is_member(entry: Path, session_id: int) -> bool:
    try:
        text = (entry / "stat").read_text(errors="replace")
    except OSError:
        return False
    # The second field is the program's name in brackets, which may itself contain spaces and brackets.
    state, _parent, _group, session = text.rpartition(")")[2].split()[:4]
    return int(session) == session_id and state not in DEAD_STATES


def kill_session(session_id: int, spare: frozenset[int] = frozenset(), timeout: float = 10.0) -> set[int]:
    """Kill every process of a session except those in `spare`; return those that are alive after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while (left := find_session_members(session_id) - spare) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return left


def read_command_line(pid: int) -> list[str]:
    """Return the arguments with which a process was started; an empty list if there is no such process."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [argument.decode(errors="replace") for argument in raw.split(b"\0")[:-1]]
