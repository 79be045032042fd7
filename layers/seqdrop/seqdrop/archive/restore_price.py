"""What a restore costs, and how long it takes, before anything is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import GB, MONTH_DAYS, STANDARD_GB_MONTH, restore_usd, storage_class

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from seqdrop.archive.restore_plan import Plan, PlannedObject

USD_PER_PUT = 0.005 / 1e3  # S3 Standard: PUT, COPY, POST
USD_PER_BATCH_JOB, USD_PER_BATCH_OBJECT = 0.25, 1.0 / 1e6  # S3 Batch Operations
REQUESTS_PER_COPY = 3  # a multipart upload with one part


@dataclass(frozen=True)
class Estimate:
    """The price of a request in US dollars (storage_classes.AS_OF), and its size.

    `objects` and `bytes` are those for which S3 must be asked; `readable` objects need no restore, or are restored.
    `usd_temporary` is for the temporary copies in S3 Standard, `usd_copies` for making copies that are kept, and
    `usd_month` what those cost each month. `hours_at_most` is 0 if everything can be read at once.
    """

    files: int
    objects: int
    bytes: int
    readable: int
    usd_restore: float
    usd_temporary: float
    usd_copies: float
    usd_month: float
    hours_at_most: int

    @property
    def usd(self) -> float:
        """The sum of what is paid once."""
        return self.usd_restore + self.usd_temporary + self.usd_copies


@dataclass(frozen=True)
class Terms:
    """How a plan is carried out: tier, days, and the number of objects above which S3 Batch Operations is used.

    `kept` says that copies of the files are kept, and `again` that copies go to the landing bucket to be processed.
    """

    tier: str
    days: int
    batch_above: int
    kept: bool = False
    again: bool = False


def estimate(plan: Plan, terms: Terms, restored: Collection[str]) -> Estimate:
    """Return the price of a plan. `restored` are the ids of objects that are restored already."""
    tier = terms.tier
    ask = [item for item in plan.objects if item.needs_restore and item.id not in restored]
    size = sum(item.size for item in ask)
    file_bytes = sum(file.size for file in plan.files)
    batch = USD_PER_BATCH_JOB + len(ask) * USD_PER_BATCH_OBJECT if len(ask) > terms.batch_above else 0.0
    at_once = (item for item in plan.objects if not item.needs_restore)
    reading = sum(restore_usd(item.storage_class, tier, item.size) for item in at_once)
    return Estimate(
        files=len(plan.files),
        objects=len(ask),
        bytes=size,
        readable=len(plan.objects) - len(ask),
        usd_restore=sum(restore_usd(item.storage_class, tier, item.size) for item in ask) + reading + batch,
        usd_temporary=size / GB * STANDARD_GB_MONTH * terms.days / MONTH_DAYS,
        usd_copies=(terms.kept + terms.again) * len(plan.files) * REQUESTS_PER_COPY * USD_PER_PUT,
        usd_month=terms.kept * file_bytes / GB * STANDARD_GB_MONTH,
        hours_at_most=hours(ask, tier),
    )


def hours(objects: Iterable[PlannedObject], tier: str) -> int:
    """Return the hours that S3 takes at most for the slowest of the objects; 0 without objects."""
    tiers = (storage_class(item.storage_class).tiers for item in objects)
    return max((terms[tier].hours_at_most for terms in tiers if terms), default=0)
