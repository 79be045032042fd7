"""The cost of checksums: `python benchmarks/checksums.py [--megabytes 512]`.

Random bytes in memory pass through each hash in blocks of `reads.digest.BLOCK`, and through the stream of every pass
over a file (`reads.digest.Digest`: CRC32 and SHA-256, or these and MD5). Each row has the best of five runs on one
core, and its time as a share of that of SHA-256 alone, which is all that earlier versions computed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqdrop.reads.digest import BLOCK, Digest

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 5


def update(digest: Callable[[bytes], object]) -> Callable[[bytes], None]:
    """Return a function that passes a body to a hash, block by block."""

    def run(body: bytes) -> None:
        source = io.BytesIO(body)
        while block := source.read(BLOCK):
            digest(block)

    return run


def drain(*, md5: bool) -> Callable[[bytes], None]:
    """Return a function that reads a body through a `Digest`."""
    return lambda body: Digest(io.BytesIO(body), md5=md5).drain()


def measure(run: Callable[[bytes], None], body: bytes) -> float:
    """Return the shortest of RUNS times, in seconds of this process's CPU."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        run(body)
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Measure each hash, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=512, help="size of the body (default 512)")
    body = os.urandom(parser.parse_args().megabytes * 1_000_000)
    rows = {
        "SHA-256": update(hashlib.sha256().update),
        "CRC32 (zlib)": update(zlib.crc32),
        "MD5": update(hashlib.md5(usedforsecurity=False).update),
        "Digest: CRC32, SHA-256": drain(md5=False),
        "Digest: CRC32, SHA-256, MD5": drain(md5=True),
    }
    times = {name: measure(run, body) for name, run in rows.items()}
    print(f"{'':28}      MB/s  share of SHA-256")
    for name, seconds in times.items():
        print(f"{name:28}  {len(body) / 1e6 / seconds:8,.0f}  {seconds / times['SHA-256']:.2f}")


if __name__ == "__main__":
    main()
