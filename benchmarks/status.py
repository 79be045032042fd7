"""Wall-clock and CPU time of `seqdrop status` for many uploads, compared with an earlier commit.

    .venv/bin/python benchmarks/status.py COMMIT [--uploads 1000] [--rounds 3]

An embedded AWS of its own gets a table with the keys and the index of template.yaml, and uploads: nine tenths are
ARCHIVED with a PREDICTED attempt, the others are FAILED, SUBMITTED, REJECTED, or wait for a mate. The commit is checked
out to a temporary folder. Both sides run alternately with this Python, and print all uploads. The first run of each is
ignored. A row has the medians of both sides. A run, a file name and `--json` are measured on this checkout only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from command_line import CHECKOUT, PROGRAM, worktree
from seqdrop.ledger.records import Attempt, Record, Upload
from seqdrop.uploads import UploadVersion

from local.embedded import ROOT_KEY, EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "status-benchmark"
RUN_FILES = 96  # files of a run
OWN = (("status", "run3"), ("status", "S00007_S1_L001_R1_001.fastq.gz"), ("status", "--json"))


def make_records(count: int) -> Iterator[Record]:
    """Yield the records of uploads in the states that a lab sees, with attempts."""
    for number in range(count):
        key = f"reads/run{number // RUN_FILES}/S{number:05}_S1_L001_R1_001.fastq.gz"
        version = UploadVersion("landing", key, f"v{number}", 1_000_000, "e")
        at = f"2026-01-{1 + number // 600 % 28:02}T{number // 60 % 24:02}:{number % 60:02}:00.000Z"
        state, attempt = {0: ("VALIDATED", "FAILED"), 1: ("VALIDATED", "SUBMITTED"), 2: ("REJECTED", "")}.get(
            number % 40, ("WAITING", "") if number % 40 == 3 else ("ARCHIVED", "PREDICTED")
        )
        times = {"created_at": at, "moved_at": at, "timeline": {"RECEIVED": at, state: at}}
        upload = Upload.from_version(version, "reads", "reads/")
        digest = f"{number:064x}"
        yield Upload(**{**vars(upload), **times, "state": state, "format": "fastq", "records": 1000, "sha256": digest})
        if attempt:
            plan = json.dumps({"name": "reads", "settings": "x" * 600})  # as long as a real one
            yield Attempt(attempt, upload_id=version.id, analysis="reads", plan=plan, job="seqdrop-reads-j", **times)


def fill(aws: EmbeddedAws, count: int) -> None:
    """Create the table, and write the records of uploads."""
    dynamodb = aws.session().resource("dynamodb")
    names = ("pk", "sk", "kind_state", "moved_at")
    table = dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_state",
                "KeySchema": [
                    {"AttributeName": "kind_state", "KeyType": "HASH"},
                    {"AttributeName": "moved_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    with table.batch_writer() as batch:
        for record in make_records(count):
            batch.put_item(Item=record.item())


def write_stack_file(aws: EmbeddedAws, folder: Path) -> None:
    """Write the file by which `seqdrop` in `folder` uses the embedded AWS."""
    buckets = dict.fromkeys(("landing", "work", "results", "models", "archive"), "bucket")
    content = {"region": aws.region, **buckets, "table": TABLE, "endpoint": aws.endpoint, "access_key": ROOT_KEY}
    (folder / ".seqdrop").mkdir()
    (folder / ".seqdrop/stack.json").write_text(json.dumps(content))


def run(tree: Path, folder: Path, words: tuple[str, ...]) -> tuple[float, float, int]:
    """Return seconds, CPU seconds and the number of lines of a command that runs with the code of a checkout."""
    environment = os.environ | {"PYTHONPATH": f"{tree / 'cli'}:{tree / 'layers/seqdrop'}"}
    environment.pop("SEQDROP_STACK", None)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, env=environment, capture_output=True, check=True
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, spent, process.stdout.count(b"\n")


def main() -> None:
    """Print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--uploads", type=int, default=1000, help="number of uploads (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side that count (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, worktree(options.commit) as tree:
        folder = Path(place)
        with EmbeddedAws(folder / "aws") as aws:
            fill(aws, options.uploads)
            write_stack_file(aws, folder)
            print("| command | side | seconds | CPU seconds | lines |\n|---|---|---|---|---|")
            sides = {options.commit[:12]: tree, "this checkout": CHECKOUT}
            times: dict[str, list[tuple[float, float, int]]] = {name: [] for name in sides}
            for _ in range(options.rounds + 1):
                for name, side in sides.items():
                    times[name].append(run(side, folder, ("status",)))
            for name, rows in times.items():
                print_row("seqdrop status", name, rows[1:])
            for words in OWN:
                rows = [run(CHECKOUT, folder, words) for _ in range(options.rounds)]
                print_row(" ".join(("seqdrop", *words)), "this checkout", rows)


def print_row(command: str, side: str, rows: list[tuple[float, float, int]]) -> None:
    """Print the medians of some runs."""
    seconds, spent = median(row[0] for row in rows), median(row[1] for row in rows)
    print(f"| `{command}` | {side} | {seconds:.2f} | {spent:.2f} | {rows[0][2]:,} |", flush=True)


if __name__ == "__main__":
    main()
