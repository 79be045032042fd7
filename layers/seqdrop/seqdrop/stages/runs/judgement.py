"""What is true of a run now: its state, the folders that may be opened, and when to judge it again."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop.companions import manifest, runs
from seqdrop.errors import InvalidFileError
from seqdrop.runs.completion import Known, Unit, Verdict, judge
from seqdrop.runs.listing import join
from seqdrop.runs.names import OVERRIDE
from seqdrop.stages.runs.transferred import BROUGHT, HELD, find_brought, has_arrived, select_arrived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.stages.runs.survey import Survey

FIRST_PAUSE, SHORT_PAUSE, LAST_PAUSE = timedelta(seconds=15), timedelta(seconds=900), timedelta(days=1)
READING_PAUSE = timedelta(hours=1)  # at most, while files are being read: their end is not announced
READ_IN_A_SECOND = 20  # files, for the pause before a run is judged again whose files are still being read


@dataclass(frozen=True)
class Judgement:
    """A verdict about the files of a run, and what follows for the run.

    `ready` are complete folders that were not opened before, and whose files have all been read, and folders that an
    invocation began to open before it crashed. `unread` is the number of files that other complete folders still have
    to be read. `state` is that of the run after the folders in `ready` are opened.
    """

    verdict: Verdict
    ready: tuple[str, ...]
    unread: int
    state: str
    cause: str
    due_at: datetime

    @property
    def parts(self) -> list[str]:
        """The folders of the parts of the run and of its analyses; "" if the run is its own part."""
        return [unit.folder for unit in self.verdict.units]

    @property
    def is_new_revision(self) -> bool:
        """Whether folders are ready, or files arrive, for a run that was complete before."""
        return bool(self.ready) or self.state == "COPYING"


def judge_survey(survey: Survey) -> Judgement:
    """Judge a run by what the landing bucket has of it, and by what was complete before."""
    run, now = survey.run, survey.taken_at
    listed, problem = _read_manifest(survey)
    problem += "".join(f" {sentence}." for sentence in survey.problems)
    grace = 0 if has_arrived(survey) else None
    verdict = judge(run.name, survey.files, survey.read, now, Known(listed, grace, run.instrument))
    survey = survey.divide(unit.folder for unit in verdict.units)
    marked = [*_find_released(survey, verdict), *_find_marked(survey, verdict)]
    complete = select_arrived(survey, marked)
    problem += HELD if {*marked} - {*complete, *run.complete} else ""
    brought = [folder for folder in find_brought(survey, verdict) if folder not in complete]
    complete += brought
    fresh = [folder for folder in dict.fromkeys(complete) if folder not in run.complete]
    unread = {folder: [entry.modified for entry in survey.below(folder) if entry.is_pending] for folder in fresh}
    pending = [modified for times in unread.values() for modified in times]
    ready = tuple(dict.fromkeys([*run.opening, *(folder for folder in fresh if not unread[folder])]))
    state = _find_state(survey, verdict, ready)
    cause = BROUGHT if "" in brought else _explain(survey, verdict, ready)
    cause += _describe_unread(len(pending)) + problem
    due_at = _find_next_look(survey, verdict, pending, state, now)
    return Judgement(verdict, ready, len(pending), state, cause, due_at)


def _read_manifest(survey: Survey) -> tuple[dict[str, int | None] | None, str]:
    """Return the files that the uploader's manifest lists, and what is wrong with it; None and "" without one.

    Files that have advanced with their own part, such as a flow cell, are left out.
    """
    if runs.MANIFEST not in survey.latest:
        return None, ""
    try:
        listed = manifest.parse(survey.read(runs.MANIFEST)).files
        return {name: size for name, size in listed.items() if not survey.has_advanced(name)}, ""
    except FileNotFoundError:  # it was deleted, or archived, after the bucket was listed
        return None, ""
    except InvalidFileError as error:
        return None, f" {error.fault.message}. {error.fault.advice}"


def _find_released(survey: Survey, verdict: Verdict) -> list[str]:
    """Return the complete folders without those that failed, unless a person declared them complete."""
    failed = {unit.folder for unit in verdict.units if unit.state == "FAILED"}
    return [folder for folder in verdict.complete if folder not in failed or join(folder, OVERRIDE) in survey.latest]


def _find_marked(survey: Survey, verdict: Verdict) -> list[str]:
    """Return the folders of markers in a run whose instrument is not recognised: any marker opens its folder there."""
    if verdict.instrument:
        return []
    return [posixpath.dirname(name) for name in survey.latest if runs.is_marker(name) and not runs.is_manifest(name)]


def _find_state(survey: Survey, verdict: Verdict, ready: tuple[str, ...]) -> str:
    """Return the state of the run. What was complete before stays complete, though its files have left the bucket."""
    run = survey.run
    done = {*run.complete, *ready}
    growing = _find_growing(survey, verdict, ready)
    if "" in done or (run.complete and run.state in ("COMPLETE", "ARCHIVED")):
        return "COPYING" if growing else "COMPLETE" if ready or run.state != "ARCHIVED" else "ARCHIVED"
    if verdict.state == "COMPLETE" and not {*verdict.complete} <= done:
        return "COPYING"  # the last files are still being read
    is_backward = verdict.state == "SEQUENCING" and run.state != "SEQUENCING"  # a marker was deleted
    return "COPYING" if is_backward else verdict.state


def _find_growing(survey: Survey, verdict: Verdict, ready: tuple[str, ...]) -> list[Unit]:
    """Return the parts of a run that are not complete, apart from the run itself."""
    done = {*survey.run.complete, *ready}
    return [unit for unit in verdict.units if unit.folder not in done and unit.kind != "run"]


def _explain(survey: Survey, verdict: Verdict, ready: tuple[str, ...]) -> str:
    """Return the reason of the verdict, or what is still added to a run that is complete.

    The markers of a run that is complete have left the landing bucket, so the verdict says that they are awaited.
    """
    if "" not in survey.run.complete:
        return verdict.reason
    growing = _find_growing(survey, verdict, ready)
    return " ".join(f"{unit.folder}: {unit.reason}" for unit in growing) or "The run is complete."


def _describe_unread(unread: int) -> str:
    return f" {unread:,} of its files are still being read." if unread else ""


def _find_next_look(
    survey: Survey, verdict: Verdict, pending: Sequence[datetime], state: str, now: datetime
) -> datetime:
    """Return when to judge the run again if no file arrives.

    `pending` are the times of files that must be read before their folder is opened. The longer the run waits for
    them, or for its last files to be archived, the longer is the pause: a large file takes hours, and a file whose
    prediction failed waits for a person. A run that only a file can change is judged once a day all the same.
    """
    if pending:
        shortest = min(SHORT_PAUSE, FIRST_PAUSE + timedelta(seconds=len(pending) / READ_IN_A_SECOND))
        return now + min(READING_PAUSE, _lengthen(shortest, now - max(pending)))
    if state == "COMPLETE":
        since = survey.run.timeline.get("COMPLETE") if survey.run.state == "COMPLETE" else None
        elapsed = now - datetime.fromisoformat(since) if since else FIRST_PAUSE
        return now + _lengthen(FIRST_PAUSE, elapsed)
    return verdict.due_at or now + LAST_PAUSE


def _lengthen(pause: timedelta, elapsed: timedelta) -> timedelta:
    """Return the pause after this time: a quarter of it, but at least `pause` and at most a day."""
    return min(LAST_PAUSE, max(pause, elapsed / 4))
