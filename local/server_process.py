"""The server's process from outside: start it, find it again, end it and every process that it started."""

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
    """Another program listens on the requested port."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"port {port} of {LOOPBACK} is in use: stop the program that listens there, or choose another port"
        )
        self.port = port


class NotRunningError(EmbeddedAwsError):
    """No embedded AWS runs for this working directory."""


class ServerProcess:
    """A running server; `child` is set when this process is its parent."""

    def __init__(self, workdir: Path, state: ServerState, child: subprocess.Popen[bytes] | None = None) -> None:
        self.state = state
        self._workdir, self._child = workdir, child

    @classmethod
    def find(cls, workdir: Path) -> "ServerProcess":
        """Return the server that runs for this directory.

        Raise NotRunningError if there is none, or if an unrelated process now has its process id.
        """
        state = _read_state(workdir)
        if state is None:
            raise NotRunningError(f"no embedded AWS is recorded in {workdir / STATE_FILE}")
        if not _is_server(state.pid, workdir):
            raise NotRunningError(f"the embedded AWS recorded in {workdir / STATE_FILE} is gone")
        return cls(workdir, state)

    @classmethod
    def start(cls, workdir: Path, options: list[str], detached: bool, timeout: float) -> "ServerProcess":
        """Start a server, wait up to `timeout` seconds until it responds, and return it.

        Raise PortTakenError if its port is in use, EmbeddedAwsError with the end of its log for any other failure.
        """
        (workdir / STATE_FILE).unlink(missing_ok=True)
        workdir.mkdir(parents=True, exist_ok=True)
        child = _spawn(workdir, options, detached)
        try:
            return cls(workdir, _await_response(child, workdir, time.monotonic() + timeout), child)
        except BaseException:
            cls(workdir, ServerState(child.pid, 0, ""), child).end()
            raise

    def end(self) -> None:
        """End the server and every process that it started; raise EmbeddedAwsError if one of them does not end."""
        sessions = self.sessions()
        if self._child is not None or _is_server(self.state.pid, self._workdir):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.state.pid, signal.SIGTERM)
        _await_empty(sessions)
        self._release_child()
        for name in (STATE_FILE, PID_FILE):
            (self._workdir / name).unlink(missing_ok=True)
        shutil.rmtree(self._workdir / "tmp", ignore_errors=True)

    def sessions(self) -> list[int]:
        """Return the ids of the server's session and of SageMaker's, without sessions that are empty."""
        candidates = (self.state.pid, read_pid(self._workdir))
        return [session for session in candidates if session and is_session_of(session, self._workdir)]

    def _release_child(self) -> None:
        if self._child is None:
            return
        self._child.wait()
        if self._child.stdin:
            self._child.stdin.close()
        self._child = None


def _await_empty(sessions: list[int]) -> None:
    """Wait until every process of the sessions has ended, and kill those that take more than POLITE_SECONDS."""
    deadline = time.monotonic() + POLITE_SECONDS
    while any(find_session_members(session) for session in sessions) and time.monotonic() < deadline:
        time.sleep(0.02)
    if left := set().union(*(kill_session(session) for session in sessions)):
        raise EmbeddedAwsError(f"processes of the embedded AWS did not end; kill them: {sorted(left)}")


def _spawn(workdir: Path, options: list[str], detached: bool) -> subprocess.Popen[bytes]:
    """Start the server's process.

    Unless it is detached, it reads a pipe whose other end only this process holds, and ends when the pipe closes.
    """
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


def _await_response(child: subprocess.Popen[bytes], workdir: Path, deadline: float) -> ServerState:
    while time.monotonic() < deadline:
        if (status := child.poll()) is not None:
            raise _failure(status, child.args, workdir)
        state = _read_state(workdir)
        if state and _is_healthy(state.port):
            return state
        time.sleep(0.05)
    raise EmbeddedAwsError(f"the embedded AWS did not respond in time; its log ends:\n{_log_end(workdir)}")


def _failure(status: int, command: list[str], workdir: Path) -> EmbeddedAwsError:
    if status == PORT_TAKEN_STATUS:
        return PortTakenError(int(command[command.index("--port") + 1]))
    return EmbeddedAwsError(f"the embedded AWS ended with status {status}; its log ends:\n{_log_end(workdir)}")


def _read_state(workdir: Path) -> ServerState | None:
    try:
        return ServerState(**json.loads((workdir / STATE_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _is_server(pid: int, workdir: Path) -> bool:
    """Return True if this pid is a server of this directory, and not a later process with the same number."""
    arguments = read_command_line(pid)
    return "local.server" in arguments and str(workdir) in arguments


def _is_healthy(port: int) -> bool:
    """Return True if the server responds to a request that does not go through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"http://{LOOPBACK}:{port}/_ministack/health", timeout=5).close()
    except OSError:
        return False
    return True


def _log_end(workdir: Path) -> str:
    return (workdir / LOG_FILE).read_text(errors="replace")[-4000:]
