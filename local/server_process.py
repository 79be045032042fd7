"""The server's process from outside: started, found again, ended with all that it started."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from local.processes import find_session_members, is_session_of, kill_session, read_command_line
from local.sagemaker_process import PID_FILE, read_pid
from local.server import LOG_FILE, LOOPBACK, PORT_TAKEN_STATUS, STATE_FILE, ServerState

REPOSITORY = Path(__file__).resolve().parent.parent
POLITE_SECONDS = 5


class EmbeddedAwsError(Exception):
    """The embedded AWS could not be started, found or stopped; the message says what to do."""


class PortTakenError(EmbeddedAwsError):
    """Someone else listens on the port that was asked for."""

    def __init__(self, port: int):
        super().__init__(f"port {port} of {LOOPBACK} is in use: stop what listens there or take another")
        self.port = port


class NotRunningError(EmbeddedAwsError):
    """No server of ours runs for this working directory."""


class ServerProcess:
    """A running server; `child` is set when this process is its parent."""

    def __init__(self, workdir: Path, state: ServerState, child: subprocess.Popen | None = None):
        self.state = state
        self._workdir, self._child = workdir, child

    @classmethod
    def find(cls, workdir: Path) -> "ServerProcess":
        """The server that works in this directory; NotRunningError when there is none, or a stranger has its pid."""
        state = _recorded(workdir)
        if state is None:
            raise NotRunningError(f"no embedded AWS is recorded in {workdir / STATE_FILE}")
        if not _is_server(state.pid, workdir):
            raise NotRunningError(f"the embedded AWS recorded in {workdir / STATE_FILE} is gone")
        return cls(workdir, state)

    @classmethod
    def start(cls, workdir: Path, options: list[str], detached: bool, timeout: float) -> "ServerProcess":
        """Start a server and wait until it answers; PortTakenError, or EmbeddedAwsError with the end of its log."""
        (workdir / STATE_FILE).unlink(missing_ok=True)
        workdir.mkdir(parents=True, exist_ok=True)
        child = _spawn(workdir, options, detached)
        try:
            return cls(workdir, _await_answer(child, workdir, time.monotonic() + timeout), child)
        except BaseException:
            cls(workdir, ServerState(child.pid, 0, ""), child).end()
            raise

    def end(self) -> None:
        """End it and all it started; EmbeddedAwsError when something would not die."""
        sessions = self.sessions()
        if self._child is not None or _is_server(self.state.pid, self._workdir):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.state.pid, signal.SIGTERM)
        _await_empty(sessions)
        self._let_go()
        for name in (STATE_FILE, PID_FILE):
            (self._workdir / name).unlink(missing_ok=True)
        shutil.rmtree(self._workdir / "tmp", ignore_errors=True)

    def sessions(self) -> list[int]:
        """Those that its processes are in and that are not empty: its own, and SageMaker's."""
        found = (self.state.pid, read_pid(self._workdir))
        return [session for session in found if session and is_session_of(session, self._workdir)]

    def _let_go(self) -> None:
        if self._child is None:
            return
        self._child.wait()
        if self._child.stdin:
            self._child.stdin.close()
        self._child = None


def _await_empty(sessions: list[int]) -> None:
    """Wait for the end of all who are in them, and kill those who take too long."""
    deadline = time.monotonic() + POLITE_SECONDS
    while any(find_session_members(session) for session in sessions) and time.monotonic() < deadline:
        time.sleep(0.02)
    if left := set().union(*(kill_session(session) for session in sessions)):
        raise EmbeddedAwsError(f"processes of the embedded AWS would not end: {sorted(left)}")


def _spawn(workdir: Path, options: list[str], detached: bool) -> subprocess.Popen:
    """Without `detached` the server reads a pipe that only we hold, and ends when it is closed."""
    command = [sys.executable, "-m", "local.server", "--workdir", str(workdir), *options]
    with (workdir / LOG_FILE).open("wb") as log:
        return subprocess.Popen(
            command if detached else [*command, "--with-parent"],
            cwd=REPOSITORY,
            start_new_session=True,
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=log,
            stderr=log,
        )


def _await_answer(child: subprocess.Popen, workdir: Path, deadline: float) -> ServerState:
    while time.monotonic() < deadline:
        if (status := child.poll()) is not None:
            raise _failure(status, child.args, workdir)
        state = _recorded(workdir)
        if state and _answers(state.port):
            return state
        time.sleep(0.05)
    raise EmbeddedAwsError(f"the embedded AWS did not answer in time; its log ends:\n{_log_end(workdir)}")


def _failure(status: int, command: list[str], workdir: Path) -> EmbeddedAwsError:
    if status == PORT_TAKEN_STATUS:
        return PortTakenError(int(command[command.index("--port") + 1]))
    return EmbeddedAwsError(f"the embedded AWS ended with status {status}; its log ends:\n{_log_end(workdir)}")


def _recorded(workdir: Path) -> ServerState | None:
    try:
        return ServerState(**json.loads((workdir / STATE_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _is_server(pid: int, workdir: Path) -> bool:
    """Whether this pid is a server of this directory, and not one who got its number later."""
    arguments = read_command_line(pid)
    return "local.server" in arguments and str(workdir) in arguments


def _answers(port: int) -> bool:
    """Whether the server answers; never asked through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"http://{LOOPBACK}:{port}/_ministack/health", timeout=5).close()
    except OSError:
        return False
    return True


def _log_end(workdir: Path) -> str:
    return (workdir / LOG_FILE).read_text(errors="replace")[-4000:]
