"""Threads share few heaps, so memory stays within bounds. In a process of its own: the limit cannot be taken back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import threading, sys
from seqdrop_cli.uploader.heaps import limit_heaps
if sys.argv[1] == "limited":
    limit_heaps()
def work():
    kept.append([bytes(100_000) for _ in range(20)])
    barrier.wait()
kept, barrier = [], threading.Barrier(8)
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
import ctypes
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


def count_heaps(mode: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, mode], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has a heap for each thread")
def test_eight_threads_share_two_heaps():
    assert count_heaps("limited") <= 2
    assert count_heaps("unlimited") > 2
