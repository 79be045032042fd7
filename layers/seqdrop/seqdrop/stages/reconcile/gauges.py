"""Figures for the dashboard and the alarms: what is unfinished now. The reconciler publishes them at every run.

Each is a metric that costs money for ever, also while it is 0 (docs/cost.md).
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from seqdrop import clock
from seqdrop.ledger.moves import ATTEMPT, JOB, RUN, UPLOAD
from seqdrop.runtime.services import now
from seqdrop.stages.reconcile.spending import sum_dollars

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seqdrop.ledger.records import Record
    from seqdrop.runtime.services import Services

# Records of a state that are read. A metric of 10,000 means that many or more; reading them all, 12 times an hour,
# would cost more than the figure is worth.
MOST = 10_000
UNFINISHED: Final = ("RECEIVED", "WAITING", "VALIDATED")
# The gauges that are the number of records in a state.
COUNTED: Final = {
    **{f"uploads_{state.lower()}": (UPLOAD, state) for state in UNFINISHED},
    **{f"runs_{state.lower()}": (RUN, state) for state in ("SEQUENCING", "COPYING")},
    "attempts_waiting": (ATTEMPT, "WAITING"),
    "jobs_running": (JOB, "STARTED"),
}
GAUGES: Final = (*COUNTED, "oldest_upload_hours", "refused_copies", "dollars_day")


def measure(services: Services) -> dict[str, float]:
    """Return each gauge by the name of its metric."""
    others = {name: place for name, place in COUNTED.items() if place[0] != UPLOAD}
    return {
        **_measure_uploads(services),
        **{name: _count(services.ledger.in_state(kind, state)) for name, (kind, state) in others.items()},
        "dollars_day": sum_dollars(services),
    }


def find_empty_states(gauges: Mapping[str, float]) -> set[tuple[str, str]]:
    """Return the kinds and states in which `measure` read no record."""
    return {place for name, place in COUNTED.items() if gauges.get(name) == 0}


def _measure_uploads(services: Services) -> dict[str, float]:
    counts, refused, oldest = Counter[str](), 0, now()
    for state in UNFINISHED:
        for upload in islice(services.ledger.in_state(UPLOAD, state), MOST):
            counts[state] += 1
            refused += bool(upload.refusal)
            oldest = min(oldest, upload.created_at)
    gauges: dict[str, float] = {f"uploads_{state.lower()}": counts[state] for state in UNFINISHED}
    return gauges | {"oldest_upload_hours": _hours_since(oldest), "refused_copies": refused}


def _count(records: Iterable[Record]) -> int:
    return sum(1 for _ in islice(records, MOST))


def _hours_since(time: str) -> float:
    return round((clock.utc_now() - datetime.fromisoformat(time)).total_seconds() / 3600, 2)
