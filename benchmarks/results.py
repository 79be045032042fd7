"""Speed and memory of writing results: `python benchmarks/results.py [--windows 1000000]`.

The input is generated: random predictions for windows of 300 bp, every 150 bp on both strands, in records of 3 Mb. The
script prints windows per second of CPU (including the generation of the input), the peak memory, and the size of each
file.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import TYPE_CHECKING

import numpy as np
from seqdrop.kinds.plans import packaged
from seqdrop.models.calibration import Calibration
from seqdrop.results.writer import Predictions, result_files

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD = 3_000_000
PER_ITEM = 64
PROVENANCE = {"model": {"name": "promoter-300", "sha256": "0" * 64}}


def prediction_lines(windows: int, seed: int = 1) -> Iterator[bytes]:
    """Yield prediction lines of random probabilities."""
    generator = np.random.default_rng(seed)
    values = (generator.random(10_007) ** 3).round(6).tolist()
    number = start = record = 0
    while number < windows:
        entries = []
        for _ in range(PER_ITEM):
            place = {"start": start, "end": start + 300}
            for strand in "+-":
                entries.append({**place, "strand": strand, "probability": values[number % 10_007]})
                number += 1
            start += 150
        yield json.dumps({"id": f"u:{record}:{start}", "record": f"chr{record}", "windows": entries}).encode()
        if start >= RECORD:
            record, start = record + 1, 0


def main() -> None:
    """Write results, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=1_000_000)
    windows = parser.parse_args().windows
    analysis, calibration = packaged().by_name["contigs"], Calibration(0.6, -0.7, 0.3)
    before = time.process_time()
    with result_files(Predictions(analysis, prediction_lines(windows), PROVENANCE, calibration)) as results:
        seconds = time.process_time() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        count = results.counts.windows
        print(f"{count:,} windows, {count / seconds:,.0f} per second of CPU, {memory:.0f} MB")
        for name in results.names:
            print(f"{(results.folder / name).stat().st_size / 1e6:9.1f} MB  {name}")


if __name__ == "__main__":
    main()
