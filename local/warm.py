"""Programs forked from one process that has done their imports: the client of zygote.py."""

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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Path(__file__).with_name("zygote.py")
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Forked:
    """A program that the zygote forked, with the part of subprocess.Popen that the embedded SageMaker needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def wait(self) -> int:
        """Wait until the program has ended; return its exit status, or minus the number of the signal that ended it."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def kill(self) -> None:
        """Send SIGKILL unless the program has ended."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Zygote:
    """The zygote's process, started at its first use; the first program waits until its imports are done.

    `options` are options of Python; libraries may read `environment` while they are imported.
    """

    def __init__(self, environment: dict[str, str], options: tuple[str, ...] = ("-P", "-u")) -> None:
        self._environment, self._options = environment, options
        self._lock = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(
        self, argv: list[str], environment: dict[str, str], cwd: Path, standard: list[int], keep: Sequence[int] = ()
    ) -> Forked | None:
        """Return a new program; None if the zygote has ended.

        `standard` are the file descriptors of its standard input, output and error. Those in `keep` keep their numbers.
        """
        request = {"argv": argv, "environment": environment, "cwd": str(cwd), "keep": list(keep)}
        with self._lock, contextlib.suppress(OSError):
            channel = self._connect()
            socket.send_fds(channel, [json.dumps(request).encode()], [*standard, *keep])
            if pid := channel.recv(8):
                return Forked(int.from_bytes(pid, "big"))
        return None

    def close(self) -> None:
        """End the process; the programs that it forked continue."""
        if self._process:
            self._channel.close()
            self._process.wait()

    def _connect(self) -> socket.socket:
        if self._channel is None:
            # The zygote's grandchildren become children of this process, which waits for them.
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
