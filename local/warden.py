"""Outlives a server by a moment, to kill whatever it leaves: `python -m local.warden WORKDIR`.

It reads from a pipe whose other end only the server holds. However the server ends, SIGKILL and the
out-of-memory killer included, the pipe closes, and the warden kills the rest of its session. While the
warden lives its session id cannot be given to anyone else, so it never kills a stranger.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from local.processes import kill_session

_warden: subprocess.Popen | None = None


def leave_nothing_behind(workdir: Path, with_parent: bool) -> None:
    """Arrange that all this process starts ends with it, however it ends, and it with its parent, if so told.

    It ends at once: a graceful end would wait for the functions and jobs that run, to keep a state
    that lives in memory only.
    """
    with contextlib.suppress(PermissionError):
        os.setsid()  # refused when we lead a session already, which is as good
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(0))
    # The only handle of the warden's pipe is ours and is never closed: the kernel closes it for us.
    global _warden
    _warden = subprocess.Popen([sys.executable, "-m", "local.warden", str(workdir)], stdin=subprocess.PIPE)
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


def main() -> None:
    """Wait for the server's end of the pipe to close, then empty the session."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    kill_session(os.getsid(0), spare=frozenset({os.getpid()}))


if __name__ == "__main__":
    main()
