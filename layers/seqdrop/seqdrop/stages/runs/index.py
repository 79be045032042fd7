"""Write the index of all runs, `runs/index.html`, from the records of the ledger.

It is written when a run changes, and by the reconciler: the index by_state is eventually consistent, and of two runs
that change at the same moment each may miss the other's last move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.ledger.moves import RUN
from seqdrop.report.runs_index import RunRow, render_index
from seqdrop.runtime.services import minutes_ago
from seqdrop.stages.runs.pages import HTML

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services

RECENT = 120  # minutes; the reconciler looks once an hour
STATES = ("SEQUENCING", "COPYING", "COMPLETE", "FAILED", "ARCHIVED")


def write_index(services: Services, *changed: Run) -> None:
    """Write the index of all runs; `changed` are runs whose record the caller knows better than the ledger's index."""
    runs = {run.id: run for run in _find_runs(services)} | {run.id: run for run in changed}
    body = render_index([_make_row(run) for run in runs.values()]).encode()
    services.s3.put_object(Bucket=services.settings.results, Key=keys.RUNS_INDEX, Body=body, ContentType=HTML)


def refresh_index(services: Services) -> None:
    """Write the index again if a run changed not long ago."""
    if any(run.moved_at >= minutes_ago(RECENT) for run in _find_runs(services)):
        write_index(services)


def _find_runs(services: Services) -> Iterator[Run]:
    for state in STATES:
        yield from services.ledger.in_state(RUN, state)


def _make_row(run: Run) -> RunRow:
    return RunRow(
        name=run.name,
        analysis=run.analysis,
        state=run.state,
        instrument=run.instrument_name,
        changed_at=max(run.timeline.values(), default=run.created_at),
        verdicts={"pass": run.samples_passed, "warn": run.samples_warned, "fail": run.samples_failed},
        missing=run.missing_samples,
        files=run.files,
        bytes=run.bytes,
        rejected=run.rejected,
    )
