"""Write a small FASTQ file of random reads; the README shows its report page.

Run `python docs/images/make_report.py S1_R1.fastq.gz`, then `seqdrop validate S1_R1.fastq.gz --html page/`, open
page/S1_R1.html in a browser at a width of 1000 pixels, and save the first 940 rows as docs/images/report.png. The reads
are seeded, so each run writes the same bytes (with the same versions of numpy and zlib).
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

READS = 1000
LENGTH = 100  # bases per read
SEED = 7


def draw_read(rng: np.random.Generator) -> tuple[str, str]:
    """Return the bases and the Phred+33 qualities of one random read.

    Quality falls along the read as it does on Illumina's instruments; a base of low quality may be read as N.
    """
    decline = 14 * (np.arange(LENGTH) / LENGTH) ** 3
    qualities = np.rint(rng.normal(37, 1.5) - decline + rng.normal(0, 1.5, LENGTH)).clip(2, 40).astype(int)
    bases = rng.choice(list("ACGT"), LENGTH, p=(0.29, 0.21, 0.21, 0.29))
    unread = rng.random(LENGTH) < 10 ** (-qualities / 10) / 4
    bases[unread], qualities[unread] = "N", 2
    return "".join(bases), "".join(chr(quality + 33) for quality in qualities)


def main() -> None:
    """Write the file to the path given as argument."""
    rng = np.random.default_rng(SEED)
    records = []
    for number in range(READS):
        bases, qualities = draw_read(rng)
        records.append(f"@SEQ01:7:DEMO:1:1101:{1000 + number}:2000 1:N:0:ACGTACGT\n{bases}\n+\n{qualities}\n")
    Path(sys.argv[1]).write_bytes(gzip.compress("".join(records).encode(), mtime=0))


if __name__ == "__main__":
    main()
