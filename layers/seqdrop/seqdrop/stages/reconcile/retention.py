"""Files that are older than `retention_days` of their analysis: one mail lists them. Nothing is deleted by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.companions.runs import run_of
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.services import Services, iso, now

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Upload

POSITION = "retention"  # with the name of the analysis, the name of the position in the ledger
MOST = 20_000  # uploads that are visited for one analysis in one run
MOST_NAMED = 50  # folders in a mail


@dataclass
class Expired:
    """The expired files of an analysis: their number and bytes, and their number by folder."""

    bytes: int = 0
    folders: Counter[str] = field(default_factory=Counter)

    def add(self, upload: Upload, prefix: str) -> None:
        """Count a file, below the folder of its run or the prefix of its analysis."""
        self.bytes += upload.size
        self.folders[run_of(upload.key, prefix) or prefix] += 1


def notify_of_expired(services: Services) -> dict[str, int]:
    """Notify the lab of files that expired, once, and at most once a day for each analysis.

    A crash may repeat a mail, but never leaves it out. Return no count, because each is a metric that costs money.
    """
    for analysis in services.analyses.by_name.values():
        if analysis.retention_days:
            _notify(services, analysis)
    return {}


def expired_before(analysis: Analysis) -> str:
    """Return the time before which files of an analysis must have been archived to be expired; "" if none expire."""
    if not analysis.retention_days:
        return ""
    return iso(clock.utc_now() - timedelta(days=analysis.retention_days))


def _notify(services: Services, analysis: Analysis) -> None:
    position = services.ledger.position(f"{POSITION} {analysis.name}")
    if position.place.get("date") == now()[:10]:
        return
    expired, after = Expired(), position.place.get("after", "0")
    last, count = after, 0
    for upload in islice(services.ledger.in_state(UPLOAD, "ARCHIVED", expired_before(analysis), after), MOST):
        count += 1
        last = upload.moved_at
        if upload.analysis == analysis.name and upload.moved_at > after:
            expired.add(upload, analysis.prefix)
    if expired.folders:
        _mail(services, analysis, expired)
    if last != after:
        place = {"after": last} if count == MOST else {"after": last, "date": now()[:10]}
        services.ledger.save(replace(position, place=place))


def _mail(services: Services, analysis: Analysis, expired: Expired) -> None:
    folders = sorted(expired.folders.items())
    names = "".join(f"  {folder}: {count:,} files\n" for folder, count in folders[:MOST_NAMED])
    more = f"  and {len(folders) - MOST_NAMED:,} folders more\n" if len(folders) > MOST_NAMED else ""
    services.notify(
        f"Seqdrop: {expired.folders.total():,} archived files of {analysis.name} are expired",
        f"These files were archived more than {analysis.retention_days} days ago (retention_days of the analysis\n"
        f"{analysis.name} in analyses.toml), {expired.bytes:,} bytes in all:\n{names}{more}\n"
        "Nothing is deleted by itself. To see what would be deleted, and then to ask for it:\n"
        f"  seqdrop forget --expired --analysis {analysis.name}\n",
    )
