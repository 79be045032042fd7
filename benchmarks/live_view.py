"""CPU time of the live view of `seqdrop upload --watch`: `python benchmarks/live_view.py [--seconds 60] [1 12 3000]`.

The view follows uploads of a ledger in memory, whose CPU time is subtracted, and draws to a terminal of 120 columns.
Each second, one upload changes its state. Each row has the share of one core that the readings and the drawing took,
from the first reading to the last. The start of the program is left out, and so is the parsing of responses: the view
waits for 49 times as long as a reading took, so that would change the intervals and not the share.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from typing import TYPE_CHECKING

from rich.console import Console
from seqdrop.ledger.records import Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli import following
from seqdrop_cli.watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = "runs/210101_A00001_0001_AHXXXXXXX/Data"


class Lab:
    """A ledger of uploads: each second one more is VALIDATED, but not the last; after `seconds`, all are REJECTED.

    It has the methods of a ledger that the view calls. `spent` is its own CPU time.
    """

    def __init__(self, uploads: int, seconds: float) -> None:
        self.spent, self.readings, self.seconds = 0.0, 0, seconds
        self.versions = [
            UploadVersion("landing", f"{FOLDER}/s_{number:05}.bcl", "v", 7, "e") for number in range(uploads)
        ]
        records = [Upload.from_version(version, "runs", "runs/") for version in self.versions]
        self.records = {record.id: record for record in records}
        self.start = time.monotonic()

    def find_uploads(self, names: Iterable[str]) -> dict[str, Upload]:
        """Return the records of uploads, after the moves that are due."""
        began = time.process_time()
        self.readings += 1
        self._move()
        records = {name: self.records[name] for name in names}
        self.spent += time.process_time() - began
        return records

    def find_upload(self, name: str) -> Upload:
        """Return the record of an upload."""
        return self.records[name]

    def attempts(self, _: str) -> list[object]:
        """Return no attempts."""
        return []

    def deciding_attempts(self, _: Upload) -> list[object]:
        """Return no attempts."""
        return []

    def find_job(self, _: str) -> None:
        """Return None: no upload has a job."""

    def find_run(self, _: str) -> None:
        """Return None: the run is not complete yet."""

    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"the view now calls {name}: add it here")

    def _move(self) -> None:
        age = time.monotonic() - self.start
        is_over = age > self.seconds
        for name in itertools.islice(self.records, None if is_over else min(int(age), len(self.records) - 1)):
            state = "REJECTED" if is_over else "VALIDATED"
            if self.records[name].state != state:
                self.records[name] = replace(self.records[name], state=state, revision=self.records[name].revision + 1)


def measure(uploads: int, seconds: float) -> tuple[float, int]:
    """Return the share of a core of the view, and its number of readings."""
    lab = Lab(uploads, seconds)
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=40)
    clock = SimpleNamespace(process_time=lambda: time.process_time() - lab.spent)
    began, start = clock.process_time(), time.monotonic()
    with patch.object(following, "time", clock):
        watch(lab, lab.versions, console)
    return (clock.process_time() - began) / (time.monotonic() - start), lab.readings


def main() -> None:
    """Print a row for each number of uploads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uploads", type=int, nargs="*", default=[1, 12, 3000], help="numbers of uploads")
    parser.add_argument("--seconds", type=float, default=60, help="how long each view lasts (default: %(default)s)")
    options = parser.parse_args()
    measure(1, 0.0)  # imports
    print("| uploads | share of a core | readings |\n|---|---|---|")
    for uploads in options.uploads:
        share, readings = measure(uploads, options.seconds)
        print(f"| {uploads:,} | {share:.2%} | {readings} |", flush=True)


if __name__ == "__main__":
    main()
