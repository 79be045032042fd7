"""Speed of validation and of cutting reads on one core, to choose `lambda_gb` (analyses.toml) for 15 minutes of Lambda.

    .venv/bin/python benchmarks/validation.py

Prints plain and compressed MB per second for FASTQ of 150 bp reads, with and without work items.
"""

from __future__ import annotations

import gzip
import io
import time

import numpy as np
from seqdrop.kinds.plans import packaged
from seqdrop.reads.check import Reading
from seqdrop.work.items import pack_shards, work_items
from seqdrop.work.selection import keep_identical

READS, LENGTH = 200_000, 150


def make_fastq() -> bytes:
    """Return reads with about the entropy of real reads: random bases, mostly high qualities."""
    generator = np.random.default_rng(1)
    bases = generator.choice(list("ACGT"), (2_000, LENGTH))
    qualities = generator.choice(list("FFFFFFF:,#"), (2_000, LENGTH))
    pool = [("".join(row), "".join(quality)) for row, quality in zip(bases, qualities, strict=True)]
    picks = generator.integers(0, len(pool), READS).tolist()
    parts = (f"@A:1:F:1:{number}\n{pool[pick][0]}\n+\n{pool[pick][1]}\n" for number, pick in enumerate(picks))
    return "".join(parts).encode()


def measure(body: bytes, name: str) -> float:
    """Return the seconds in which the file is read for the analysis `name`, including its work items if it has any."""
    analysis, began = packaged().by_name[name], time.perf_counter()
    reading = Reading(io.BytesIO(body), analysis.formats)
    if analysis.settings:
        counted = keep_identical(reading.records())
        lines = work_items("U" * 26, counted, analysis.settings, analysis.job.windows_per_item)
        for _ in pack_shards(lines, 4_000_000):
            pass
    else:
        reading.run()
    return time.perf_counter() - began


def main() -> None:
    """Print a row for each analysis and compression."""
    plain = make_fastq()
    for kind, body in (("plain", plain), ("gzip", gzip.compress(plain, 6))):
        for name in ("raw", "reads"):
            took = measure(body, name)
            rates = f"{len(plain) / took / 1e6:6.1f} MB/s of FASTQ, {len(body) / took / 1e6:6.1f} MB/s of the file"
            print(f"{name:<6} {kind:<6} {rates}, {READS / took / 1e3:6.1f} thousand reads/s")


if __name__ == "__main__":
    main()
