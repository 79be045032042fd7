"""Network isolation of a container's process: it moves into an empty network, which has only its own loopback.

As a program, started by path, it isolates itself and then becomes the command in its arguments. It must import nothing
of this project, because the module path belongs to the code in the container.

The process gets a user namespace as well, so that it cannot join the network of its parent again, even if it is root.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000  # linux/sched.h
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # linux/sockios.h, linux/if.h
REFUSED = "this machine allows no network namespace ({}), so this container reaches the network"


def isolate() -> None:
    """Leave the network, and all network interfaces; the process and its children can reach only one another.

    Open sockets stay usable, among them the one to the service. Call this before a second thread is started. If the
    machine allows no namespaces, as in some containers, print that to the job's log and stay connected.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
    except OSError as error:
        print(REFUSED.format(error.strerror), flush=True)
        return
    own = Path("/proc/self")
    for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        (own / name).write_text(content)
    _raise_loopback()


def _unshare(flags: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(flags):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _raise_loopback() -> None:
    """Start the loopback interface: the processes of a distributed training connect to one another by it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


if __name__ == "__main__":
    isolate()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 # nosec B606 # the command of the job
