"""What the archive of a run costs, for its report: estimates from list prices (archive/storage_classes.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from seqdrop.archive.storage_classes import BULK, REGION, monthly_usd, restore_usd, storage_class

if TYPE_CHECKING:
    from collections.abc import Iterable

MONTH_DAYS = 30


class ArchiveCosts(TypedDict):
    """US dollars of the objects of a run in the archive. `objects` and `bytes` are what was archived, bundles as such.

    `usd_month` is storage for a month with the overhead of each object; `usd_least` is what is billed at least (the
    copies, and storage for the minimum days of each class); `usd_restore` is a restore of everything in the slow tier
    (Bulk, up to 48 hours), or reading it if its class needs no restore.
    """

    objects: int
    bytes: int
    usd_month: float
    usd_least: float
    usd_restore: float
    prices: str


def estimate_archive(objects: Iterable[tuple[int, str]]) -> ArchiveCosts:
    """Return the costs of objects, each given as its size in bytes and its storage class."""
    stored = list(objects)
    return {
        "objects": len(stored),
        "bytes": sum(size for size, _ in stored),
        "usd_month": round(sum(monthly_usd(name, size) for size, name in stored), 6),
        "usd_least": round(sum(_least_usd(name, size) for size, name in stored), 6),
        "usd_restore": round(sum(restore_usd(name, BULK, size) for size, name in stored), 6),
        "prices": f"list prices of {REGION}",
    }


def _least_usd(name: str, size: int) -> float:
    """Return what an object costs even if it is deleted at once: the copy, and the minimum days of its class."""
    kept_as = storage_class(name)
    return kept_as.usd_per_put + monthly_usd(name, size) * kept_as.minimum_days / MONTH_DAYS
