"""What the archive of a run costs, for its report: estimates from list prices of us-east-1 (aws/prices.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from seqdrop.aws.prices import DEEP_ARCHIVE_COPY, DEEP_ARCHIVE_GB_MONTH, REGION, STANDARD_GB_MONTH
from seqdrop.stages.archive.receipts import MINIMUM_DAYS, OVERHEAD_DEEP_ARCHIVE, OVERHEAD_STANDARD, RESTORE

if TYPE_CHECKING:
    from collections.abc import Iterable

GB = 1e9
MONTH_DAYS = 30


class ArchiveCosts(TypedDict):
    """US dollars of the objects of a run in Deep Archive. `objects` and `bytes` are what was archived, bundles as such.

    `usd_month` is storage for a month with the overhead of each object; `usd_least` is what is billed at least (the
    copies, and storage for 180 days); `usd_restore` is a restore of everything in the slow tier (Bulk, up to 48 hours).
    """

    objects: int
    bytes: int
    usd_month: float
    usd_least: float
    usd_restore: float
    prices: str


def estimate_archive(sizes: Iterable[int]) -> ArchiveCosts:
    """Return the costs of objects of these sizes in bytes."""
    stored = list(sizes)
    count, total = len(stored), sum(stored)
    deep = (total + count * OVERHEAD_DEEP_ARCHIVE) / GB * DEEP_ARCHIVE_GB_MONTH
    month = deep + count * OVERHEAD_STANDARD / GB * STANDARD_GB_MONTH
    return {
        "objects": count,
        "bytes": total,
        "usd_month": round(month, 6),
        "usd_least": round(month * MINIMUM_DAYS / MONTH_DAYS + count * DEEP_ARCHIVE_COPY, 6),
        "usd_restore": round(total / GB * RESTORE["bulk"]["usd_per_gb"], 6),
        "prices": f"list prices of {REGION}",
    }
