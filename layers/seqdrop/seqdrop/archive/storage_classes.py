"""The storage classes in which raw data may be archived: how long they are billed, how they are restored, their prices.

The prices are US dollars, list prices of us-east-1 without discounts and taxes. They were not read from AWS's page for
this project: they are believed to have held on AS_OF. SOURCE has the present prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

AS_OF = date(2025, 12, 1)
SOURCE = "https://aws.amazon.com/s3/pricing/"
REGION = "us-east-1"
GB = 1e9  # bytes
MONTH_DAYS = 365.25 / 12
BULK, STANDARD = TIERS = ("Bulk", "Standard")  # of RestoreObject; Expedited is for no class that needs hours


@dataclass(frozen=True)
class Tier:
    """How fast a restore is, and what it costs for each GB (10⁹ bytes) and for each object."""

    hours_at_most: int
    usd_per_gb: float
    usd_per_request: float


@dataclass(frozen=True)
class StorageClass:
    """A storage class. `tiers` is empty if objects can be read at once; `usd_per_gb_read` is then billed for reading.

    An object is billed for at least `minimum_days`, and as if it had at least `minimum_bytes`. Besides, S3 bills
    `overhead` bytes at its rate and `overhead_standard` bytes at that of S3 Standard for each object.
    """

    name: str
    minimum_days: int
    usd_per_gb_month: float
    usd_per_put: float
    tiers: dict[str, Tier]
    minimum_bytes: int = 0
    overhead: int = 0
    overhead_standard: int = 0
    usd_per_gb_read: float = 0.0

    @property
    def needs_restore(self) -> bool:
        """Whether an object must be restored before it can be read."""
        return bool(self.tiers)


DEEP_ARCHIVE = "DEEP_ARCHIVE"  # of records and receipts that do not name a class
STANDARD_GB_MONTH = 0.023
KIB = 1024
CLASSES = {
    DEEP_ARCHIVE: StorageClass(
        DEEP_ARCHIVE,
        minimum_days=180,
        usd_per_gb_month=0.00099,
        usd_per_put=0.05 / 1e3,
        tiers={BULK: Tier(48, 0.0025, 0.025 / 1e3), STANDARD: Tier(12, 0.02, 0.10 / 1e3)},
        overhead=32 * KIB,
        overhead_standard=8 * KIB,
    ),
    "GLACIER": StorageClass(
        "GLACIER",
        minimum_days=90,
        usd_per_gb_month=0.0036,
        usd_per_put=0.03 / 1e3,
        tiers={BULK: Tier(12, 0.0, 0.0), STANDARD: Tier(5, 0.01, 0.05 / 1e3)},
        overhead=32 * KIB,
        overhead_standard=8 * KIB,
    ),
    "GLACIER_IR": StorageClass(
        "GLACIER_IR",
        minimum_days=90,
        usd_per_gb_month=0.004,
        usd_per_put=0.02 / 1e3,
        tiers={},
        minimum_bytes=128 * KIB,
        usd_per_gb_read=0.03,
    ),
    "STANDARD_IA": StorageClass(
        "STANDARD_IA",
        minimum_days=30,
        usd_per_gb_month=0.0125,
        usd_per_put=0.01 / 1e3,
        tiers={},
        minimum_bytes=128 * KIB,
        usd_per_gb_read=0.01,
    ),
}


def storage_class(name: str) -> StorageClass:
    """Return a class by its name; "" is that of records of earlier versions, DEEP_ARCHIVE."""
    return CLASSES[name or DEEP_ARCHIVE]


def monthly_usd(name: str, size: int) -> float:
    """Return what one object of `size` bytes costs for a month, with its overhead."""
    it = storage_class(name)
    billed = max(size, it.minimum_bytes) + it.overhead
    return billed / GB * it.usd_per_gb_month + it.overhead_standard / GB * STANDARD_GB_MONTH


def restore_usd(name: str, tier: str, size: int, objects: int = 1) -> float:
    """Return what it costs to restore, or to read, `size` bytes of `objects` objects; `tier` is one of TIERS."""
    it = storage_class(name)
    if not it.needs_restore:
        return size / GB * it.usd_per_gb_read
    terms = it.tiers[tier]
    return size / GB * terms.usd_per_gb + objects * terms.usd_per_request
