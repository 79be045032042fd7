"""The service's side of a container: start its process, send requests, end it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local.sagemaker.container import read_frame, write_frame
from local.sagemaker.environment import make_base_environment

if TYPE_CHECKING:
    import threading

    from local.warm import Forked, Zygote

PROGRAM = Path(__file__).with_name("container.py")
LOAD_SECONDS = 600
# The default bound of multi-model-server; as on AWS, a model that needs more sets a variable of its environment.
DEFAULT_MESSAGE_BYTES = 6_553_500
# Variables that no library reads at import. A container with any other variable is not forked but newly started.
READ_LATE = ("SEQDROP_", "SAGEMAKER_", "SM_", "MMS_")
FOLDERS = {"HOME", "TMPDIR"}  # differ between jobs, and are not read at import either


class ContainerError(Exception):
    """The container returned no response to a request; the message says why.

    `status` is the HTTP status with which the model server responds.
    """

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class ModelNotLoadedError(ContainerError):
    """The container did not load its model."""


class Container:
    """A process with a loaded model, started again after it was lost; forked from `zygote` if that is possible.

    With `is_isolated`, the process reaches no network.
    """

    def __init__(
        self,
        model_dir: Path,
        environment: dict[str, str],
        log: Path,
        cancelled: threading.Event,
        zygote: Zygote | None = None,
        is_isolated: bool = False,
    ) -> None:
        self._model_dir, self._environment = model_dir, environment
        self._words = [str(model_dir), *(["isolated"] if is_isolated else [])]
        self._log, self._cancelled, self._zygote = log, cancelled, zygote
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._connection: socket.socket | None = None

    def invoke(self, body: bytes, content_type: str | None, accept: str | None, timeout: float) -> bytes:
        """Return the model's response to one payload; start the container if it is not running.

        `timeout` is in seconds. Raise ContainerError if there is no response, ModelNotLoadedError if the container does
        not start.
        """
        self._refuse_oversized("request", len(body), "MMS_MAX_REQUEST_SIZE")
        self.start()
        head, content = self._exchange({"content_type": content_type, "accept": accept}, body, timeout)
        if head["status"] != 200:
            raise ContainerError(f"the model returned {head['status']}: {head['error']}", head["status"])
        self._refuse_oversized("response", len(content), "MMS_MAX_RESPONSE_SIZE")
        return content

    def start(self) -> None:
        """Start the process and load the model, unless it runs; raise ModelNotLoadedError if that fails."""
        if self._process is None:
            self._start()

    def kill(self) -> None:
        """Kill the process and the processes that it started; any thread may call this, and a waiting request fails."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> int | None:
        """Kill the process and release it; return its exit status, or None if there is no process."""
        process, connection = self._process, self._connection
        if process is None:
            return None
        self.kill()
        self._process = self._connection = None
        connection.close()
        return process.wait()

    def _start(self) -> None:
        self._connection, other_end = socket.socketpair()
        with other_end, self._log.open("ab") as log:
            descriptors = other_end.fileno(), log.fileno()
            self._process = self._fork(*descriptors) or self._spawn(*descriptors)
        if self._cancelled.is_set():
            self.kill()  # the job was stopped before the process existed
        try:
            head, _ = self._receive(LOAD_SECONDS)
        except ContainerError as error:
            raise ModelNotLoadedError(f"the model failed to load: {error}") from error
        if head["event"] != "ready":
            self.close()
            # The container's toolkit loads the model with the first request, and responds with 400 if that fails.
            raise ModelNotLoadedError(f"the model failed to load: {head['error']}", 400)

    def _fork(self, connection: int, log: int) -> Forked | None:
        usual = make_base_environment(self._model_dir)
        early = {name for name, value in self._environment.items() if value != usual.get(name)} - FOLDERS
        if self._zygote is None or not all(name.startswith(READ_LATE) for name in early):
            return None
        argv = [str(PROGRAM), str(connection), *self._words]
        with Path(os.devnull).open("rb") as nothing:
            standard = [nothing.fileno(), log, log]
            return self._zygote.fork(argv, self._environment, self._model_dir, standard, keep=[connection])

    def _spawn(self, connection: int, log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-u", str(PROGRAM), str(connection), *self._words],
            cwd=self._model_dir,
            env=self._environment,
            pass_fds=[connection],
            process_group=0,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def _exchange(self, head: dict, body: bytes, timeout: float) -> tuple[dict, bytes]:
        try:
            self._connection.settimeout(timeout)
            write_frame(self._connection, head, body)
        except OSError:
            pass  # it died or hangs; `_receive` reports which
        return self._receive(timeout)

    def _receive(self, timeout: float) -> tuple[dict, bytes]:
        self._connection.settimeout(timeout)
        started = time.monotonic()
        try:
            frame = read_frame(self._connection)
        except TimeoutError:
            self.close()
            raise ContainerError(f"no response in {time.monotonic() - started:.0f} s") from None
        except OSError:
            frame = None
        if frame is None:
            raise self._describe_death()
        return frame

    def _describe_death(self) -> ContainerError:
        _await_exit(self._process.pid)
        status = self.close()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return ContainerError(f"the container died ({how})")

    def _refuse_oversized(self, what: str, size: int, variable: str) -> None:
        limit = int(self._environment.get(variable, DEFAULT_MESSAGE_BYTES))
        if size > limit:
            raise ContainerError(
                f"a {what} of {size} bytes is over the model server's limit of {limit}; "
                f"set {variable} in the model's environment",
                413 if what == "request" else 500,
            )


def _await_exit(pid: int, timeout: float = 1.0) -> None:
    """Wait up to `timeout` seconds until a process that closed its socket exits, without reaping it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            return
        time.sleep(0.01)
