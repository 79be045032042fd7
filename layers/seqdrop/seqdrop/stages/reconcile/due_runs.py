"""Runs that must be judged again at a time of their own: the end of a grace time, or silence.

A time less than 15 minutes away has a message of its own (stages/runs/run.py), which is lost now and then. A message
too many is harmless.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.ledger.moves import OPEN, RUN
from seqdrop.ledger.run_record import run_id
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.messages import make_run_message
from seqdrop.runtime.services import Services, iso, now
from seqdrop.stages.reconcile.backlog import LONGEST_PAUSE
from seqdrop.stages.reconcile.nudge import minutes_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.run_record import Run

# Before the next message about a run whose judgement fails. It is longer than SQS can delay a message, so that a
# judgement knows that no message is on its way for that time.
PAUSE = timedelta(minutes=20)
UNJUDGED = 60  # minutes after which a run is judged again that has no time of its own


def judge_due_runs(services: Services) -> int:
    """Send the message of each open run that is due; return the number of messages."""
    outcomes = try_each(_find_due(services), lambda run: _send(services, run), lambda run: {"run": run.id})
    return sum(outcomes.results)


def _find_due(services: Services) -> Iterator[Run]:
    for state in OPEN[RUN]:
        for run in services.ledger.in_state(RUN, state):
            if run.due_at <= now() if run.due_at else minutes_since(run.moved_at) >= UNJUDGED:
                yield run


def _send(services: Services, run: Run) -> bool:
    """Send the message of a run, and note when it is due next if its judgement fails."""
    if not services.ledger.note(run, due_at=iso(clock.utc_now() + PAUSE)):
        return False  # it was judged just now
    services.send(services.settings.validate_queue, make_run_message(run.id))
    return True


def leave_out_waiting(services: Services, uploads: Iterable[Upload]) -> Iterator[Upload]:
    """Yield uploads without those that nothing but their run delays: the run's record says when to look again.

    An upload for a model stays, because its work items must be renewed before they expire. Each of the others is
    yielded once a day, because it may have been deleted; that is a day after it was read or checked last, so files that
    arrive over hours are checked over hours.
    """
    find = cache(services.ledger.find_run)
    for upload in uploads:
        analysis = services.analyses.for_key(upload.key)
        folder = services.analyses.run_folder(upload.key)
        run = find(run_id(upload.bucket, folder)) if folder else None
        is_kept = analysis is not None and not analysis.has_model
        is_checked = minutes_since(upload.moved_at) < LONGEST_PAUSE
        if run is None or not is_kept or run.releases(upload.key) or not is_checked:
            yield upload
