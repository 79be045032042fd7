"""A process that outlives a server briefly, to kill the processes that the server leaves behind.

Started as `python -m local.warden WORKDIR`, it reads from a pipe whose other end only the server holds. However the
server ends (SIGKILL and the out-of-memory killer included), the pipe closes, and the warden kills the rest of its
session. While the warden lives, the system does not reuse its session id, so it never kills an unrelated process.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from local.processes import kill_session

_warden: subprocess.Popen[bytes] | None = None


def leave_nothing_behind(workdir: Path, with_parent: bool) -> None:
    """Ensure that every process started by this one ends with it; `with_parent`, this one also ends with its parent.

    A signal ends this process immediately. A graceful end would wait for running functions and jobs, only to keep a
    state that exists in memory.
    """
    with contextlib.suppress(PermissionError):
        os.setsid()  # refused if this process leads a session already, which serves as well
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(0))
    # This process has the only handle of the warden's pipe and never closes it; the kernel does.
    global _warden
    _warden = subprocess.Popen([sys.executable, "-m", "local.warden", str(workdir)], stdin=subprocess.PIPE)
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


def main() -> None:
    """Wait until the server's end of the pipe is closed, then kill the rest of the session."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    kill_session(os.getsid(0), spare=frozenset({os.getpid()}))


if __name__ == "__main__":
    main()
