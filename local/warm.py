"""Programs forked from one process that has the imports behind it: the side of those who use zygote.py."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

PROGRAM = Path(__file__).with_name("zygote.py")
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Forked:
    """A program that the zygote forked: of subprocess.Popen what the embedded SageMaker needs."""

    def __init__(self, pid: int):
        self.pid = pid
        self._status: int | None = None

    def wait(self) -> int:
        """Return the exit status, or minus the signal, once it has ended."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def kill(self) -> None:
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Zygote:
    """The process, started when it is first used; the first program waits until it has imported what it does.

    `options` are Python's, `environment` is what libraries may read while they are imported.
    """

    def __init__(self, environment: dict[str, str], options: tuple[str, ...] = ("-P", "-u")):
        self._environment, self._options = environment, options
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen | None = None

    def fork(
        self, argv: list[str], environment: dict[str, str], cwd: Path, standard: list[int], keep: list[int] = ()
    ) -> Forked | None:
        """Return a new program; None if the zygote is gone.

        `standard` are file descriptors of its standard input, output and error; those in `keep` keep their numbers.
        """
        request = {"argv": argv, "environment": environment, "cwd": str(cwd), "keep": list(keep)}
        with self._lock, contextlib.suppress(OSError):
            channel = self._started()
            socket.send_fds(channel, [json.dumps(request).encode()], [*standard, *keep])
            if pid := channel.recv(8):
                return Forked(int.from_bytes(pid, "big"))
        return None

    def close(self) -> None:
        """End the process; what it forked goes on."""
        if self._process:
            self._channel.close()
            self._process.wait()

    def _started(self) -> socket.socket:
        if self._channel is None:
            # Its grandchildren become this process's children, to be waited for here.
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, *self._options, str(PROGRAM), str(theirs.fileno())],
                    env=self._environment,
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                    stdin=subprocess.DEVNULL,
                )
        return self._channel
