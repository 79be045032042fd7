"""Files that would exhaust memory, generated in parts.

As a program, read one of them, and print the codes of its faults and the peak memory of the process in MB, including
the interpreter and numpy.
"""

from __future__ import annotations

import gzip
import io
import itertools
import re
import sys
from pathlib import Path

from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading

MEGABYTE = b"A" * (1 << 20)


class Repeated(io.RawIOBase):
    """A stream of parts that are never in memory together."""

    def __init__(self, parts):
        self._parts, self._part = iter(parts), b""

    def read(self, size: int = -1) -> bytes:
        if not self._part:
            self._part = next(self._parts, b"")
        head, self._part = self._part[:size], self._part[size:]
        return head


def codes(parts, formats=("fastq", "fasta"), **options) -> list[str]:
    """Return the codes of the errors of a file."""
    reading = Reading(Repeated(parts), formats, **options)
    try:
        reading.run()
    except InvalidFileError as error:
        return [fault.code for fault in error.errors]
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
    different_codes = sorted(set(codes(PARTS[sys.argv[1]](), bounds=Bounds(first=3))))
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(different_codes, int(peak[1]) // 1024)


if __name__ == "__main__":
    main()
