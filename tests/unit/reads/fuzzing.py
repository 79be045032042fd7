"""Mutations of sound files: whatever comes out, the reader answers with a report, never with another exception.

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
from seqdrop.reads.check import Reading

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


def sound(source: random.Random) -> bytes:
    end = source.choice([b"\n", b"\n", b"\r\n"])
    records = fastq(source.randrange(1, 40), lambda index: (index * 17) % source.choice([5, 60, 700]), end)
    if source.random() < 0.3:
        return b"".join(b">" + one[0][1:] + one[1] for one in records)
    return b"".join(b"".join(one) for one in records)


def mutated(source: random.Random, body: bytes) -> bytes:
    for _ in range(source.randrange(4)):
        start = source.randrange(len(body) + 1)
        body = body[:start] + source.choice(PIECES) + body[start + source.choice([0, 1, 5, 100]) :]
    return body


def run(seed: int) -> None:
    """One file. Raises what should never be raised."""
    source = random.Random(seed)
    body = mutated(source, sound(source))
    if source.random() < 0.4:
        body = gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :])
        body = mutated(source, body) if source.random() < 0.7 else body
    block, limit = source.choice([512, 1024, 4096]), source.choice([1 << 12, 1 << 24])
    reading = Reading(io.BytesIO(body), ["fastq", "fasta", "bam"], block=block, limit=limit)
    try:
        for record in reading.records():
            assert record.quality is None or len(record.quality) == len(record.sequence)
    except InvalidFileError:
        assert reading.findings.errors
    report = json.dumps(reading.report())
    whole = Reading(io.BytesIO(body), ["fastq", "fasta", "bam"], block=1 << 19)
    with contextlib.suppress(InvalidFileError):
        whole.run()
    found, other = json.loads(report), whole.report()
    assert found["valid"] == other["valid"]
    damaged = any(code.startswith("gzip_") for code in found["counts"])  # how much is read before differs then
    if limit == 1 << 24 and not damaged:  # blocks must make no difference
        assert found["counts"] == other["counts"]
        assert found["records"] == other["records"]


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
    print(f"{done} files from seed {seed} on, all answered")


if __name__ == "__main__":
    main()
