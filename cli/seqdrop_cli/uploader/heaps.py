"""The memory of many threads that read blocks of megabytes."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
HEAPS = 2
KEPT = 64 << 20  # bytes: the memory of parts that are sent at the same time; glibc would return it after each part


def limit_heaps() -> None:
    """Let all threads of this process share HEAPS heaps. Call it before they start. Without glibc, do nothing.

    glibc gives each thread a heap of its own, and keeps in it what the thread frees. With eight threads that read parts
    of 8 MB, that is 40 MB more, and a third more wall time for the pages that are mapped again and again
    (benchmarks/upload.py). For the same reason, the shared heaps keep the memory of parts.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option, value in ((M_ARENA_MAX, HEAPS), (M_MMAP_THRESHOLD, KEPT), (M_TRIM_THRESHOLD, 2 * KEPT)):
            libc.mallopt(option, value)
