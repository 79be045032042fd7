"""How long an inventory takes, and the memory that it needs: `python benchmarks/inventory.py [objects]`.

Three parts, each in a process of its own: a part of the ledger, as DynamoDB's JSON, becomes portions; a Parquet
inventory becomes arrays; both are compared. DynamoDB's and S3's own time is not in it.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from seqdrop.archive.claims import CLAIM, compare, make_claim, pack_entries
from seqdrop.archive.inventory import Manifest, read_entries
from seqdrop.ledger.records import Upload
from seqdrop.stages.inventory.portions import _read_portion

from local.inventory import COLUMNS, encode_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OBJECTS, RECORDS, GROUP = 1_000_000, 20_000, 50_000
CREATED, SIZE = 1_790_000_000_000, 4_000_000
MANIFEST = Manifest("archive", CREATED, "Parquet", tuple(column.name for column in COLUMNS), ())


def make_key(number: int) -> str:
    """Return an archive key as long as those of runs."""
    folder = f"runs/20260105_LH00999_{number // 20_000:04d}_A22ABCDLT4/Data/Intensities/BaseCalls"
    return f"{folder}/{number:026d}/S{number % 20_000}_L001_R1_001.fastq.gz"


def write_files(folder: Path, objects: int) -> None:
    """Write an inventory."""
    for start in range(0, objects, GROUP):
        rows = [
            {
                "bucket": "archive",
                "key": make_key(number),
                "version_id": f"{number:032x}",
                "is_latest": True,
                "is_delete_marker": False,
                "size": SIZE,
                "last_modified_date": CREATED - 90_000_000,
                "storage_class": "DEEP_ARCHIVE",
                "e_tag": f"{number:032x}",
            }
            for number in range(start, min(start + GROUP, objects))
        ]
        (folder / f"{start:09d}.parquet").write_bytes(encode_parquet(list(COLUMNS), rows))


def read_ledger(_folder: Path, records: int) -> object:
    """Turn records, as the JSON of DynamoDB, into a portion."""
    upload = Upload("ARCHIVED", id="A" * 26, bucket="landing", key="reads/a", size=SIZE, moved_at="2026-01-01T00:00Z")
    item = upload.item() | {"archive_key": make_key(0), "moved_at": "2026-01-01T00:00:00.000Z"}
    page = json.dumps([TypeSerializer().serialize(item)["M"]] * 500)

    def in_state(*_: object) -> Iterator[Upload]:
        deserialize = TypeDeserializer().deserialize
        for _page in range(records // 500):
            for stored in json.loads(page):
                yield Upload.from_item({name: deserialize(value) for name, value in stored.items()})

    ledger = SimpleNamespace(in_state=in_state)
    return _read_portion(SimpleNamespace(ledger=ledger), "0", "9")  # type: ignore[arg-type]


def read_inventory(folder: Path, _objects: int) -> object:
    """Turn an inventory into arrays."""
    return pack_entries(entry for path in sorted(folder.iterdir()) for entry in read_entries(path, MANIFEST))


def compare_both(folder: Path, objects: int) -> object:
    """Turn an inventory into arrays, and compare it with as many files of the ledger."""
    rows = (make_claim("A" * 26, make_key(n), SIZE, CREATED - 1, "DEEP_ARCHIVE", False) for n in range(objects))
    claims = np.fromiter(rows, CLAIM, objects)
    return compare(read_inventory(folder, objects), claims, CREATED)  # type: ignore[arg-type]


def measure(work: Callable[[Path, int], object], folder: Path, count: int) -> tuple[float, float]:
    """Return the seconds that the work takes in a process of its own, and its peak memory in MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (work, folder, count))


def _measure(work: Callable[[Path, int], object], folder: Path, count: int) -> tuple[float, float]:
    started = time.perf_counter()
    work(folder, count)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Print a row for each part."""
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else OBJECTS
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), objects)
        size = sum(path.stat().st_size for path in Path(name).iterdir()) / 1e6
        print(f"inventory of {objects:,} objects: {size:.0f} MB of Parquet")
        for title, work, count in (
            ("ledger", read_ledger, RECORDS),
            ("inventory", read_inventory, objects),
            ("inventory, ledger and comparison", compare_both, objects),
        ):
            seconds, peak = measure(work, Path(name), count)
            print(f"{title}: {count:,} in {seconds:.1f} s, {count / seconds:,.0f} a second, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
