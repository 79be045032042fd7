"""The terms of an archived copy: from when it can be deleted without a charge, and what it costs until then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import AS_OF, MONTH_DAYS, REGION, SOURCE, monthly_usd, storage_class

if TYPE_CHECKING:
    from seqdrop.archive.receipt import Prices, VerifiedCopy


def free_to_delete_from(class_name: str, archived_at: str) -> date:
    """Return the first day (UTC) on which S3 does not charge for the deletion of a copy; `archived_at` is ISO 8601.

    The copy is not younger than its archiving, so a charge for a few more minutes cannot arise on that day.
    """
    archived = datetime.fromisoformat(archived_at).astimezone(UTC)
    free = archived + timedelta(days=storage_class(class_name).minimum_days)
    return free.date() if free.timetz().replace(tzinfo=None) == datetime.min.time() else free.date() + timedelta(days=1)


def early_deletion_usd(class_name: str, size: int, archived_at: str, now: datetime) -> float:
    """Return what S3 charges for deleting one object now: its price for the rest of the minimum days of its class."""
    age = (now - datetime.fromisoformat(archived_at)).total_seconds() / 86_400
    left = max(0.0, storage_class(class_name).minimum_days - age)
    return monthly_usd(class_name, size) * left / MONTH_DAYS


def price_copy(copy: VerifiedCopy) -> Prices:
    """Return what a copy costs for a month. A file in a bundle costs its share of the bundle, by bytes."""
    bundle, size = copy.get("bundle"), copy["size"]
    usd = monthly_usd(copy["storage_class"], bundle["size"] if bundle else size)
    share = size / bundle["size"] if bundle else 1.0
    return {
        "as_of": AS_OF.isoformat(),
        "region": REGION,
        "source": SOURCE,
        "usd_per_month": round(usd * share, 9),
    }
