"""The memory of many threads that read blocks of megabytes."""

from __future__ import annotations

import ctypes
import platform

M_ARENA_MAX = -8  # of glibc's malloc.h
HEAPS = 2


def limit_heaps() -> None:
    """Let all threads of this process share HEAPS heaps. Call it before they start. Without glibc, do nothing.

    glibc gives each thread a heap of its own, and keeps in it what the thread frees. With eight threads that read parts
    of 8 MB, that is 40 MB more, and a third more wall time for the pages that are mapped again and again
    (benchmarks/upload.py).
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)
