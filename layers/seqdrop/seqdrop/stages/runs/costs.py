"""What the archive of a run costs, for its report: estimates from list prices of us-east-1 (aws/prices.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from seqdrop.aws.prices import DEEP_ARCHIVE_COPY, DEEP_ARCHIVE_GB_MONTH, REGION, STANDARD_GB_MONTH
from seqdrop.runs.bundle_index import BLOCK, blocks
from seqdrop.runs.bundle_policy import select
from seqdrop.stages.archive.receipts import MINIMUM_DAYS, OVERHEAD_DEEP_ARCHIVE, OVERHEAD_STANDARD, RESTORE
from seqdrop.stages.bundle.eligibility import may_be_bundled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.stages.runs.survey import Survey

GB = 1e9
MONTH_DAYS = 30
INDEX_LINE = 120  # bytes of a line of an index without the name, about


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


def list_archived_sizes(survey: Survey, folder: str) -> Iterator[int]:
    """Yield the sizes of the objects that a complete folder will have in the archive; those of bundles are estimates.

    They are what the files of today would be packed into: a file may still be withdrawn, or be a duplicate.
    """
    analyses, run = survey.services.analyses, survey.run
    entries = [entry for entry in survey.below(folder) if entry.is_latest]
    small = {entry.name for entry in entries if entry.upload and may_be_bundled(analyses, entry.upload)}
    analysis = analyses.for_key(run.key_of("file"))
    below = analysis.bundle_bytes if analysis else 0
    units = [each for each in (*run.complete, folder) if each]
    selection = select((entry.file for entry in entries), lambda name: name not in small, units, below)
    yield from (file.size for file in selection.objects)
    for bundle in selection.bundles:
        yield sum(BLOCK + blocks(file.size) + INDEX_LINE + len(file.name) for file in bundle.files)
