"""Fuzzing: any mutation of a valid file is read or reported, and never raises an unexpected exception.

python -m tests.unit.reads.fuzzing 600      ten minutes; prints the seed of each round, and of a failure
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import sys
import time

from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading

from tests.unit.reads.planting import fastq

PIECES = [
    b"\n",
    b"\r\n",
    b"@",
    b"+",
    b">",
    b"\0",
    b"\xff",
    b"\t",
    b" ",
    b"ACGT",
    b"@r\nA\n+\nI\n",
    b"",
    b"\n\n",
    b"~" * 300,
]


def make_valid(source: random.Random) -> bytes:
    """Return a valid FASTQ or FASTA file."""
    end = source.choice([b"\n", b"\n", b"\r\n"])
    records = fastq(source.randrange(1, 40), lambda index: (index * 17) % source.choice([5, 60, 700]), end)
    if source.random() < 0.3:
        return b"".join(b">" + record[0][1:] + record[1] for record in records)
    return b"".join(b"".join(record) for record in records)


def mutate(source: random.Random, body: bytes) -> bytes:
    """Insert or replace up to three random pieces."""
    for _ in range(source.randrange(4)):
        start = source.randrange(len(body) + 1)
        body = body[:start] + source.choice(PIECES) + body[start + source.choice([0, 1, 5, 100]) :]
    return body


def run(seed: int) -> None:
    """Read the file of this seed, and compare reading it in small blocks with reading it as one block."""
    source = random.Random(seed)
    body = mutate(source, make_valid(source))
    if source.random() < 0.4:
        body = gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :])
        body = mutate(source, body) if source.random() < 0.7 else body
    block, limit = source.choice([512, 1024, 4096]), source.choice([1 << 12, 1 << 24])
    reading = Reading(io.BytesIO(body), ["fastq", "fasta", "bam"], bounds=Bounds(block, limit))
    try:
        for record in reading.records():
            assert record.quality is None or len(record.quality) == len(record.sequence)
    except InvalidFileError:
        assert reading.findings.errors
    report = json.dumps(reading.report())
    whole = Reading(io.BytesIO(body), ["fastq", "fasta", "bam"], bounds=Bounds(1 << 19))
    with contextlib.suppress(InvalidFileError):
        whole.run()
    in_blocks, in_one_block = json.loads(report), whole.report()
    assert in_blocks["valid"] == in_one_block["valid"]
    # If gzip is damaged, the size of blocks decides how much is read before the damage.
    damaged = any(code.startswith("gzip_") for code in in_blocks["counts"])
    if limit == 1 << 24 and not damaged:  # a small limit rejects long records
        assert in_blocks["counts"] == in_one_block["counts"]
        assert in_blocks["records"] == in_one_block["records"]


def main() -> None:
    end, seed = time.monotonic() + float(sys.argv[1]), random.SystemRandom().randrange(1 << 48)
    done = 0
    while time.monotonic() < end:
        try:
            run(seed + done)
        except BaseException:
            print(f"seed {seed + done} fails", flush=True)
            raise
        done += 1
    print(f"{done} files from seed {seed} on, all reported")


if __name__ == "__main__":
    main()
