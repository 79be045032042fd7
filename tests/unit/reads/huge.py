"""Files made to exhaust memory, never held as a whole. As a program it reads one and prints its codes and peak in MB.

The peak is the kernel's high-water mark of this process; what the interpreter and numpy take is in it.
"""

from __future__ import annotations

import gzip
import io
import itertools
import re
import sys
from pathlib import Path

from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

MEGABYTE = b"A" * (1 << 20)


class Repeated(io.RawIOBase):
    """A stream of parts, never held as a whole."""

    def __init__(self, parts):
        self._parts, self._held = iter(parts), b""

    def read(self, size: int = -1) -> bytes:
        if not self._held:
            self._held = next(self._parts, b"")
        part, self._held = self._held[:size], self._held[size:]
        return part


def codes(parts, formats=("fastq", "fasta"), **options) -> list[str]:
    reading = Reading(Repeated(parts), formats, **options)
    try:
        reading.run()
    except InvalidFileError as error:
        return [one.code for one in error.errors]
    return []


PARTS = {
    "a line of 1 GB": lambda: itertools.chain([b"@a\n"], itertools.repeat(MEGABYTE, 1024)),
    "a FASTA line of 1 GB": lambda: itertools.chain([b">a\n"], itertools.repeat(MEGABYTE, 1024), [b"\n"]),
    "a gzip bomb": lambda: itertools.chain([gzip.compress(b"@a\n")], itertools.repeat(gzip.compress(MEGABYTE), 1024)),
    "10 million reads of one base": lambda: (
        b"".join(b"@%d\nA\n+\nI\n" % n for n in range(at, at + 10_000)) for at in range(0, 10_000_000, 10_000)
    ),
}


def main() -> None:
    found = sorted(set(codes(PARTS[sys.argv[1]](), first=3)))
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(found, int(peak[1]) // 1024)


if __name__ == "__main__":
    main()
