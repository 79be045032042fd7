"""What the archive of a run costs, for its report: estimates from list prices (archive/storage_classes.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from seqdrop.archive.storage_classes import BULK, REGION, monthly_usd, restore_usd, storage_class
from seqdrop.runs.bundle_index import BLOCK, blocks
from seqdrop.runs.bundle_policy import select
from seqdrop.stages.bundle.eligibility import may_be_bundled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.stages.runs.survey import Survey

MONTH_DAYS = 30
INDEX_LINE = 120  # bytes of a line of an index without the name, about


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


def list_archived(survey: Survey, folder: str) -> Iterator[tuple[int, str]]:
    """Yield size and class of the objects that a complete folder will have in the archive.

    Sizes of bundles are estimates. The objects are what the files of today would be packed into: a file may still be
    withdrawn, or be a duplicate.
    """
    analyses, run = survey.services.analyses, survey.run
    entries = [entry for entry in survey.below(folder) if entry.is_latest]
    small = {entry.name for entry in entries if entry.upload and may_be_bundled(analyses, entry.upload)}
    analysis = analyses.for_key(run.key_of("file"))
    below, kept_as = (analysis.bundle_bytes if analysis else 0), analyses.storage_class_of(run.key_of("file"))
    units = [each for each in (*run.complete, folder) if each]
    selection = select((entry.file for entry in entries), lambda name: name not in small, units, below)
    yield from ((file.size, kept_as) for file in selection.objects)
    for bundle in selection.bundles:
        yield sum(BLOCK + blocks(file.size) + INDEX_LINE + len(file.name) for file in bundle.files), kept_as
