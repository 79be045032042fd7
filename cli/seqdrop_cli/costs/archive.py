"""What the archive costs: the lines of the bill, a month afterwards, and a restore, by the storage class of each file.

Prices and terms of the classes are those of the dated table in `seqdrop.archive.storage_classes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.archive import storage_classes
from seqdrop.archive.storage_classes import DEEP_ARCHIVE, GB, KIB, StorageClass, monthly_usd

from seqdrop_cli.costs.workload import DAYS_PER_MONTH, count_copy_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.costs.workload import Workload

TITLES = {
    DEEP_ARCHIVE: "Deep Archive",
    "GLACIER": "Glacier Flexible Retrieval",
    "GLACIER_IR": "Glacier Instant Retrieval",
    "STANDARD_IA": "Standard-IA",
}


@dataclass(frozen=True)
class Share:
    """The files of a drop that are archived in one storage class; `sizes` are in bytes."""

    storage_class: StorageClass
    sizes: tuple[int, ...]

    @property
    def title(self) -> str:
        """The name of the class for people."""
        return TITLES[self.storage_class.name]

    @property
    def gigabytes(self) -> float:
        """Size of the files in 1e9 bytes."""
        return sum(self.sizes) / GB

    @property
    def copies(self) -> int:
        """Number of requests that copy the files."""
        return sum(map(count_copy_requests, self.sizes))

    @property
    def bytes_usd(self) -> float:
        """Price of a month of the bytes of the files."""
        return self.gigabytes * self.storage_class.usd_per_gb_month

    @property
    def month_usd(self) -> float:
        """Price of a month, with what S3 bills for each object besides its bytes."""
        return sum(monthly_usd(self.storage_class.name, size) for size in self.sizes)

    @property
    def months(self) -> float:
        """The shortest time that is billed."""
        return self.storage_class.minimum_days / DAYS_PER_MONTH

    def restore_usd(self, tier: str) -> float:
        """Return the price of restoring, or of reading, all files once; `tier` is one of `storage_classes.TIERS`."""
        return storage_classes.restore_usd(self.storage_class.name, tier, sum(self.sizes), len(self.sizes))


def list_shares(work: Workload) -> list[Share]:
    """Return the files of each storage class, in the order of the table."""
    by_class = work.by_class or {DEEP_ARCHIVE: work.sizes}
    return [
        Share(known, tuple(by_class[name])) for name, known in storage_classes.CLASSES.items() if by_class.get(name)
    ]


def month_usd(work: Workload) -> float:
    """Return the price of a month of all files in the archive."""
    return sum(share.month_usd for share in list_shares(work))


def restore_usd(work: Workload, tier: str) -> float:
    """Return the price of restoring all files once, in one of `storage_classes.TIERS`.

    The copies that a restore makes are billed as S3 Standard for the days that they are kept, which is not included.
    """
    return sum(share.restore_usd(tier) for share in list_shares(work))


def most_hours(work: Workload, tier: str) -> int:
    """Return the hours that a restore of all files takes at most; 0 if all can be read at once."""
    tiers = [share.storage_class.tiers for share in list_shares(work)]
    return max((known[tier].hours_at_most for known in tiers if known), default=0)


def list_costs(work: Workload) -> Iterator[tuple[str, str, float]]:
    """Yield item, calculation and dollars of each line of the bill, until the shortest time that is billed is over."""
    for share in list_shares(work):
        terms, title = share.storage_class, share.title
        yield f"{title}: copies", f"{share.copies:,} COPY", share.copies * terms.usd_per_put
        least = f"{title}: {terms.minimum_days} days, the least that is billed"
        yield least, f"{share.gigabytes:,.4g} GB × {share.months:g} months", share.bytes_usd * share.months
        besides = (share.month_usd - share.bytes_usd) * share.months
        yield f"{title}: overhead for {terms.minimum_days} days", _explain_overhead(share), besides


def _explain_overhead(share: Share) -> str:
    terms = share.storage_class
    if terms.overhead:
        each = f"({terms.overhead // KIB} KB {share.title} + {terms.overhead_standard // KIB} KB Standard)"
        return f"{len(share.sizes):,} × {each} × {share.months:g} months"
    small = [size for size in share.sizes if size < terms.minimum_bytes]
    return f"{len(small):,} files billed as {terms.minimum_bytes // KIB} KB × {share.months:g} months"
