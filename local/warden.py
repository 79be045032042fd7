"""Outlives the server by a moment, to kill whatever it leaves: `python -m local.warden`.

It reads from a pipe whose other end only the server holds. However the server ends, SIGKILL and the
out-of-memory killer included, the pipe closes, and the warden kills the rest of its session. While the
warden lives its session id cannot be given to anyone else, so it never kills a stranger.
"""

import os
import signal
import sys

from local.processes import kill_session


def main() -> None:
    """Wait for the server's end of the pipe to close, then empty the session."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    kill_session(os.getsid(0), spare=frozenset({os.getpid()}))


if __name__ == "__main__":
    main()
