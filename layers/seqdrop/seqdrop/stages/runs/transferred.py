"""Runs that DataSync brings: nothing is opened before the transfer that brings it has ended.

DataSync copies files in any order, so the markers of a run may arrive before the rest. A folder may be opened if all
its files are older than the end of the last execution that succeeded: what an execution that still runs has copied is
younger. The record of the transfer is enough for that; no event of the start of an execution is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.companions import runs
from seqdrop.runs.listing import join
from seqdrop.runs.names import OVERRIDE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.runs.completion import Verdict
    from seqdrop.stages.runs.survey import Entry, Survey

HELD = " It may be opened when the transfer that brings it has ended."
BROUGHT = "The transfer that brought it has ended."


def select_arrived(survey: Survey, folders: Iterable[str]) -> list[str]:
    """Return the folders that no transfer may still be bringing.

    An uploader's manifest says itself what is awaited, and a person's marker means what it says.
    """
    if survey.transfer is None or runs.MANIFEST in survey.latest:
        return list(folders)
    return [folder for folder in folders if join(folder, OVERRIDE) in survey.latest or _has_arrived(survey, folder)]


def find_brought(survey: Survey, verdict: Verdict) -> list[str]:
    """Return the folders that the end of their transfer completes: no rule says when they are complete."""
    if survey.transfer is None or runs.MANIFEST in survey.latest:
        return []
    if verdict.instrument and not survey.transfer.opens_all:
        return []
    units = [unit.folder for unit in verdict.units if unit.state != "FAILED"]
    return [folder for folder in units if _has_arrived(survey, folder)]


def has_arrived(survey: Survey) -> bool:
    """Return True if a transfer has brought all of a run: a grace time would wait for nothing."""
    return _are_older(survey, survey.entries)


def _has_arrived(survey: Survey, folder: str) -> bool:
    return _are_older(survey, survey.below(folder))


def _are_older(survey: Survey, entries: Iterable[Entry]) -> bool:
    times = [entry.modified for entry in entries]
    return bool(times) and survey.transfer is not None and max(times) <= survey.transfer.complete_at
