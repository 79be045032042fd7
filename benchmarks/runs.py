"""What a sequencer run costs: `python benchmarks/runs.py [--files 100 1000 5000] [--tables]`.

Small runs are played: the real functions, through real boto3, on the AWS in memory, each file of 4 KB. The calls for a
file do not grow with the number of files, so runs of 100,000 files, and of 500 GB, are extrapolated: their bills are
those of `seqdrop estimate` with the counts of `KEPT` in cli/seqdrop_cli/costs/workload.py, which are the counts for
1,000 files. `--tables` prints only the tables of docs/cost.md, for which nothing is played.

A bundle (docs/bundles.md) is two objects, and has at most 10,000 files and 128 MB.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from typing import TYPE_CHECKING

from seqdrop.kinds.plans import packaged
from seqdrop.work.hashing import is_hashed_by_lambda
from seqdrop_cli.costs.bill import Line, list_lines
from seqdrop_cli.costs.prices import PRICES, usd
from seqdrop_cli.costs.workload import Machines, Rates, Workload

from benchmarks.run_play import ANALYSES, MARKERS, SMALL, Played, list_names
from tests.support.aws.wire import wire_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Of docs/bundles.md.
BUNDLE_FILES, BUNDLE_BYTES, BUNDLE_OBJECTS, INDEX_BYTES = 10_000, 128 << 20, 2, 200
TAR_BLOCK = 512
STAY = 1 + len(MARKERS)  # files that are never bundled: RunInfo.xml and the markers
FASTQ, FASTQ_BYTES = 192, 2_500_000_000  # R1 and R2 of 96 samples
FOLDER = "runs/run/"


@dataclass(frozen=True)
class Files:
    """The files of a run: how many small ones, and how many FASTQ."""

    small: int
    fastq: int = 0

    def sizes(self, bundled: bool) -> tuple[int, ...]:
        """Return the sizes of its objects in bytes, with the small files in bundles or each by itself."""
        large = (FASTQ_BYTES,) * self.fastq
        if not bundled:
            return (*large, *((SMALL,) * self.small))
        packed = self.small - STAY
        in_tar = TAR_BLOCK + -(-SMALL // TAR_BLOCK) * TAR_BLOCK
        bundles = -(-packed // min(BUNDLE_FILES, BUNDLE_BYTES // in_tar))
        tar, index = packed * in_tar // bundles, packed * INDEX_BYTES // bundles
        return (*large, *((SMALL,) * STAY), *((tar, index) * bundles))

    def work(self, bundled: bool) -> Workload:
        """Return the work of the run below runs/, as `seqdrop estimate` computes it."""
        sizes, analysis = self.sizes(bundled), packaged().by_name["runs"]
        kept = [size for size in sizes if size != FASTQ_BYTES]
        if not all(is_hashed_by_lambda(analysis, f"{FOLDER}a.bin", size) for size in kept):
            raise ValueError("a file that is no FASTQ needs a job")
        in_jobs = FASTQ_BYTES * self.fastq if packaged().needs_job(FASTQ_BYTES) else 0
        hours = in_jobs / 1e6 / Rates().job_mb_per_second / 3600
        return Workload(
            sizes=sizes,
            examinations=Machines(hours, self.fastq if in_jobs else 0, PRICES["job"].usd),
            by_lambda=sum(sizes) - in_jobs,
            kept=len(kept),
        )


MANY, LARGE = Files(100_000), Files(3_000, FASTQ)


def groups(files: Files, bundled: bool) -> dict[str, float]:
    """Return the dollars of a run by group of lines; "all" is their sum."""
    lines = list_lines(files.work(bundled), Rates())
    sums = {line.group: sum(other.usd for other in lines if other.group == line.group) for line in lines}
    return {**sums, "all": sum(line.usd for line in lines)}


def format_comparison(files: Files) -> str:
    """Return the bill of a run by group, unbundled and bundled, as Markdown."""
    alone, bundled = groups(files, False), groups(files, True)
    objects = (len(files.sizes(False)), len(files.sizes(True)))
    rows = [f"| objects | {objects[0]:,} | {objects[1]:,} |"]
    rows += [f"| {name} | {alone[name]:.2f} | {bundled[name]:.2f} |" for name in alone if name != "all"]
    total = f"| **total, US dollars** | **{alone['all']:.2f}** | **{bundled['all']:.2f}** |"
    return "\n".join(["| | each file an object | small files in bundles |", "|---|---|---|", *rows, total])


def format_bill(lines: Sequence[Line]) -> str:
    """Return the lines of a bill as Markdown."""
    rows = [f"| {line.item} | {line.calculation} | {line.usd:.4f} |" for line in lines if line.usd >= 0.00005]
    total = f"| **total** | | **{sum(line.usd for line in lines):.2f}** |"
    return "\n".join(["| what | calculation | US dollars |", "|---|---|---|", *rows, total])


def tables() -> dict[str, str]:
    """Return each table of docs/cost.md that this script prints, by the name of its marker."""
    return {
        "many": format_bill(list_lines(MANY.work(bundled=False), Rates())),
        "many-bundled": format_comparison(MANY),
        "large": format_comparison(LARGE),
    }


def play(counts: Sequence[int]) -> Iterator[str]:
    """Play a run of each size, and yield the rows of the table of docs/performance.md."""
    titles = ("calls", "validate", "archive", "COPY", "PUT and LIST", "GET and HEAD", "ledger", "SQS")
    more = ("writes", "write units", "read units", "invocations", "dollars of calls")
    yield f"| files | {' | '.join((*titles, *more))} |\n|{'---|' * (1 + len(titles) + len(more))}"
    with wire_services(ANALYSES) as wire:
        for files in counts:
            run = Played(wire)
            run.drop_run(files)
            run.play()
            if run.states("upload") != {"ARCHIVED": files} or run.states("run") != {"ARCHIVED": 1}:
                raise SystemExit(f"not all is ARCHIVED: {run.states('upload')} {run.states('run')}")
            yield format_row(run, files)


def format_row(run: Played, files: int) -> str:
    """Return the counts of a run for each file."""
    calls, units = run.calls, run.units
    numbers = [sum(calls.values()), run.by_function["validate"], run.by_function["archive"]]
    numbers += [calls[name] for name in ("deep_put", "put", "get", "dynamodb", "sqs")]
    numbers += [units["writes"], units["write"], units["read"], sum(run.invocations.values())]
    cells = " | ".join(f"{number / files:.2f}" for number in numbers)
    return f"| {files:,} | {cells} | {call_dollars(run) / files:.7f} |"


def call_dollars(run: Played) -> float:
    """Return the price of all calls and units of a run, without storage and the time of functions."""
    named = {name: run.calls[name] for name in ("deep_put", "put", "get")}
    named |= {"sqs": 3 * run.calls["sqs"], "write": run.units["write"], "read": run.units["read"]}
    return sum(usd(name, amount) for name, amount in named.items())


def wait(counts: Sequence[int]) -> Iterator[str]:
    """Let the files of runs without markers wait, and yield what one run of the reconciler costs after an hour."""
    yield "| files that wait | messages | list requests | read units | writes |\n|---|---|---|---|---|"
    with wire_services(ANALYSES) as wire:
        for files in counts:
            run = Played(wire)
            for number, name in enumerate(list_names(files)):
                run.drop(name, number.to_bytes(8, "big"))
            run.work()
            run.world.clock.advance(3600)
            run.calls.clear()
            run.units.clear()
            run.invoke("reconcile")
            sent = sum(len(messages) for messages in run.world.queues.messages.values())
            yield f"| {files:,} | {sent} | {run.calls['put']} | {run.units['read']:,.0f} | {run.units['writes']} |"


def main() -> None:
    """Play runs that are complete and runs that wait, and print their rows, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--tables", action="store_true", help="play nothing")
    options = parser.parse_args()
    began = time.perf_counter()
    for row in () if options.tables else play(options.files):
        print(row, flush=True)
    for row in () if options.tables else wait(options.files):
        print(row, flush=True)
    for name, table in tables().items():
        print(f"\n<!-- {name}: python benchmarks/runs.py -->\n{table}\n<!-- end -->")
    print(f"\n({time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
