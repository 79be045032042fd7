"""How fast one core validates and cuts reads: what `lambda_gb` in analyses.toml may be in a Lambda's 15 minutes.

    .venv/bin/python benchmarks/validation.py

Prints plain and compressed MB a second for FASTQ of 150 bp reads, with and without work items.
"""

from __future__ import annotations

import gzip
import io
import random
import time

from seqdrop.kinds.plans import packaged
from seqdrop.reads.check import Reading
from seqdrop.work.items import pack_shards, work_items
from seqdrop.work.selection import keep_identical

READS, LENGTH = 200_000, 150


def fastq() -> bytes:
    """Reads with the entropy of real ones: bases at random, qualities mostly high."""
    source = random.Random(1)
    pool = [
        (
            "".join(source.choices("ACGT", k=LENGTH)),
            "".join(source.choices("FFFFFFF:,#", k=LENGTH)),
        )
        for _ in range(2_000)
    ]
    parts = (f"@A:1:F:1:{n}\n{b}\n+\n{q}\n" for n in range(READS) for b, q in [pool[source.randrange(2_000)]])
    return "".join(parts).encode()


def seconds(body: bytes, name: str) -> float:
    analysis, started = packaged().by_name[name], time.perf_counter()
    reading = Reading(io.BytesIO(body), analysis.formats)
    if analysis.settings:
        for _ in pack_shards(
            work_items("U" * 26, keep_identical(reading.records()), analysis.settings, analysis.job.windows_per_item),
            4_000_000,
        ):
            pass
    else:
        reading.run()
    return time.perf_counter() - started


def main() -> None:
    plain = fastq()
    for kind, body in (("plain", plain), ("gzip", gzip.compress(plain, 6))):
        for name in ("raw", "reads"):
            took = seconds(body, name)
            rates = f"{len(plain) / took / 1e6:6.1f} MB/s of FASTQ, {len(body) / took / 1e6:6.1f} MB/s of the file"
            print(f"{name:<6} {kind:<6} {rates}, {READS / took / 1e3:6.1f} thousand reads/s")


if __name__ == "__main__":
    main()
