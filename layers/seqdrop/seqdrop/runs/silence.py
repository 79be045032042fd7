"""The alarm on silence: an instrument, or its analysis, that crashes writes no marker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from seqdrop.runs.rules import Assessment, Look, Part, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seqdrop.runs.instruments import Row

    Pairs = Sequence[tuple[Part, Assessment]]

SILENCE_HOURS = 24  # for an unknown instrument


@dataclass(frozen=True)
class Silence:
    """The alarms that are due now, as sentences, and the times at which others will be."""

    sentences: list[str]
    due_times: list[datetime]


def check_silence(row: Row | None, folder: str, run: Pairs, analyses: Pairs, look: Look) -> Silence:
    """Return the alarms of a run folder with this name: files are awaited, and none came for the row's silence_hours.

    Flow cells and analyses go on without each other, so each has its own alarm. SMRT cells and lanes take turns on one
    instrument, so a file of any of them counts for all. A test of the instrument never becomes a run.
    """
    if row and any(fnmatchcase(folder.lower(), pattern.lower()) for pattern in row.tests):
        return Silence([], [])
    limit = timedelta(hours=row.silence_hours if row else SILENCE_HOURS)
    newest_of_run = max((time for part, _ in run if (time := look.listing.newest(part.folders))), default=None)
    sentences: dict[str, None] = {}
    due_times = []
    for part, assessment in (*run, *analyses):
        is_alone = part.kind in ("flow cell", "analysis")
        newest = look.listing.newest(part.folders) if is_alone else newest_of_run
        if newest is None or not assessment.missing:
            continue
        if newest + limit > look.now:
            due_times.append(newest + limit)
        else:
            sentences[_describe(part if is_alone else None, newest)] = None
    return Silence(list(sentences), due_times)


def _describe(part: Part | None, newest: datetime) -> str:
    place = f" in {part.folder}" if part and part.folder else ""
    return f"No file has come{place} since {format_time(newest)}: if it crashed, no marker will follow."
