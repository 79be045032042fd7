"""What has ended since the last run: archived and rejected uploads, failed attempts and jobs, complete runs.

Rejections are also counted by their code, so that the dashboard shows why files are rejected.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from seqdrop import clock
from seqdrop.ledger.moves import ATTEMPT, JOB, RUN, UPLOAD
from seqdrop.runtime.metrics import publish
from seqdrop.runtime.services import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.ledger.records import Record
    from seqdrop.runtime.services import Services

ENDINGS: Final = {
    "uploads_archived": (UPLOAD, "ARCHIVED"),
    "uploads_duplicate": (UPLOAD, "DUPLICATE"),
    "uploads_rejected": (UPLOAD, "REJECTED"),
    "attempts_failed": (ATTEMPT, "FAILED"),
    "jobs_failed": (JOB, "FAILED"),
    "runs_archived": (RUN, "ARCHIVED"),
}
MOST = 10_000  # records of a state in one run of the reconciler; the next run continues after them
SETTLED = timedelta(minutes=1)  # the index is eventually consistent, so the last minute is left to the next run
TICK = timedelta(milliseconds=1)  # the resolution of the ledger's times
POSITION: Final = "endings"


def count_endings(services: Services) -> dict[str, int]:
    """Return how many records entered each of these states since the last call, and publish rejections by their code.

    The first call counts nothing. A run that crashes between this call and the publication of its counts loses them.
    """
    position, until = services.ledger.position(POSITION), clock.utc_now() - SETTLED
    place, counts = dict(position.place), dict.fromkeys(ENDINGS, 0)
    for name, (kind, state) in ENDINGS.items():
        since = place.get(name, "")
        records = _read(services, kind, state, since, iso(until)) if since else []
        counts[name] = len(records)
        place[name] = _next_start(records[-1].moved_at if len(records) == MOST else iso(until))
        if name == "uploads_rejected":
            codes = Counter(str(getattr(record, "reason", "")) for record in records)
    if not services.ledger.save(replace(position, place=place)):
        return {}  # another invocation counts at this moment
    _publish_codes(services, codes)
    return counts


def _read(services: Services, kind: str, state: str, since: str, until: str) -> Sequence[Record]:
    if since > until:
        return []
    return list(islice(services.ledger.in_state(kind, state, until, since), MOST))


def _next_start(time: str) -> str:
    return iso(datetime.fromisoformat(time) + TICK)


def _publish_codes(services: Services, codes: Counter[str]) -> None:
    for code, count in codes.items():
        publish(services.settings.stack, "reconcile", {"rejections": count}, code=code or "unknown")
