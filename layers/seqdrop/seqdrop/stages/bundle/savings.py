"""What bundles save: requests, bytes that S3 bills besides the files, and dollars, by the prices of storage_classes.py.

The requests are those of this package, and of the archive stage for a file alone. Both write a receipt for each file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from seqdrop.archive.storage_classes import MONTH_DAYS, REGION, monthly_usd, storage_class

if TYPE_CHECKING:
    from collections.abc import Sequence

USD_PER_PUT, USD_PER_READ = 0.005 / 1e3, 0.0004 / 1e3  # of S3 Standard: PUT and listings; GET and HEAD
# The requests of one file that the archive stage copies alone: three HEADs, a copy, a receipt, a deletion (free).
HEADS_ALONE, REQUESTS_ALONE = 3, 6
# Of a bundle besides its parts: two HEADs, its plan written and read, its index, and the beginning, the listings and
# the completion of a multipart upload.
REQUESTS_OF_BUNDLE, WRITES_OF_BUNDLE = 9, 2
DELETED_AT_ONCE = 1000


class Costs(TypedDict):
    """US dollars and counts. `overhead_bytes` are billed besides the files; `usd_least` is what is billed at least."""

    objects: int
    requests: int
    overhead_bytes: int
    usd_month: float
    usd_least: float


class Savings(TypedDict):
    """Files in bundles, and what they would cost as objects of their own."""

    files: int
    bytes: int
    bundled: Costs
    alone: Costs
    prices: str


@dataclass(frozen=True)
class BundleSize:
    """A bundle: its number of files and parts, and the bytes of the files and of the tar."""

    files: int
    parts: int
    file_bytes: int
    tar_bytes: int


def compute_savings(bundles: Sequence[BundleSize], sizes: Sequence[int], name: str) -> Savings:
    """Return what bundles in a storage class cost, and their files alone; `sizes` are those of the files in bytes."""
    return {
        "files": len(sizes),
        "bytes": sum(sizes),
        "bundled": _price_bundles(bundles, name),
        "alone": _price_alone(sizes, name),
        "prices": f"list prices of {REGION}",
    }


def _price_bundles(bundles: Sequence[BundleSize], name: str) -> Costs:
    files, parts = sum(bundle.files for bundle in bundles), sum(bundle.parts for bundle in bundles)
    deletions = sum(-(-bundle.files // DELETED_AT_ONCE) for bundle in bundles)
    reads = files * USD_PER_READ + len(bundles) * (REQUESTS_OF_BUNDLE - WRITES_OF_BUNDLE) * USD_PER_PUT
    # S3 bills parts at the rate of Standard until they are complete; this is an upper bound.
    writes = files * USD_PER_PUT + (parts + len(bundles) * WRITES_OF_BUNDLE) * storage_class(name).usd_per_put
    month = sum(monthly_usd(name, bundle.tar_bytes) for bundle in bundles)
    return {
        "objects": len(bundles),
        "requests": 2 * files + deletions + parts + len(bundles) * REQUESTS_OF_BUNDLE,
        "overhead_bytes": sum(bundle.tar_bytes - bundle.file_bytes for bundle in bundles)
        + _overhead(name, len(bundles)),
        "usd_month": round(month, 6),
        "usd_least": round(_least(name, month) + reads + writes, 6),
    }


def _price_alone(sizes: Sequence[int], name: str) -> Costs:
    month = sum(monthly_usd(name, size) for size in sizes)
    each = HEADS_ALONE * USD_PER_READ + USD_PER_PUT + storage_class(name).usd_per_put
    minimum = storage_class(name).minimum_bytes
    return {
        "objects": len(sizes),
        "requests": REQUESTS_ALONE * len(sizes),
        "overhead_bytes": sum(max(0, minimum - size) for size in sizes) + _overhead(name, len(sizes)),
        "usd_month": round(month, 6),
        "usd_least": round(_least(name, month) + len(sizes) * each, 6),
    }


def _overhead(name: str, objects: int) -> int:
    of_class = storage_class(name)
    return objects * (of_class.overhead + of_class.overhead_standard)


def _least(name: str, month: float) -> float:
    """Return the price of the shortest time for which objects of a class are billed."""
    return month * storage_class(name).minimum_days / MONTH_DAYS
