"""The verdict on a run: is it sequencing, being copied, complete or failed, and which of its files may advance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.runs.analyses import assess_analysis, find_analyses
from seqdrop.runs.instruments import load_table
from seqdrop.runs.listing import Listing
from seqdrop.runs.names import MANIFEST, OVERRIDE, analysis_number, is_notable
from seqdrop.runs.outcomes import make_printable, shorten
from seqdrop.runs.parts import assess_part, find_parts
from seqdrop.runs.recognition import recognise
from seqdrop.runs.rules import Assessment, Kind, Look, Part, State, describe, open_up
from seqdrop.runs.silence import check_silence
from seqdrop.runs.upload_state import Upload, check_upload

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from seqdrop.runs.files import ReadFile, RunFile
    from seqdrop.runs.instruments import Analysis, Row
    from seqdrop.runs.silence import Pairs

__all__ = ["Unit", "Verdict", "is_notable", "judge"]

MOST_MISSING = 20


@dataclass(frozen=True)
class Unit:
    """A part of a run that becomes complete by itself, with the reason of its state. `folder` is below the run."""

    folder: str
    kind: Kind
    state: State
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The state of a run, as its files say.

    Attributes:
        instrument: The id of its row in instruments.toml; "" if the instrument is unknown.
        name: The instrument, for people.
        state: That of the run without its on-board analyses, which come later and have units of their own.
        reason: One sentence or two for people: what is awaited, or what failed and in which words.
        missing: What is awaited, as paths below the run folder; 20 of the `missing_count` at most.
        missing_count: How many files or markers are awaited.
        complete: The folders whose files may advance; "" is the run itself. A file may advance if one of its
            `names.gate_folders` is among them. A FAILED run is among them too, a grace time after it failed: its files
            are kept and archived like others.
        due_at: When to judge again although no notable file arrived: the end of a grace time, a silence alarm, or
            15 minutes (later: a quarter of the time without a file, at most a day) while files are missing that a list
            names. None if only a new file can change the verdict.
        is_silent: No file came for the instrument's `silence_hours`, and something is not complete. An instrument that
            crashes leaves no marker.
        warnings: What a person should know: files that cannot be read, rules that did without a marker.
        units: The parts of the run, then its on-board analyses.
        analysis: The n of the latest complete `Analysis/<n>`; 0 if there is none.
    """

    instrument: str
    name: str
    state: State
    reason: str
    missing: tuple[str, ...]
    missing_count: int
    complete: tuple[str, ...]
    due_at: datetime | None
    is_silent: bool
    warnings: tuple[str, ...]
    units: tuple[Unit, ...]
    analysis: int


def judge(
    folder: str,
    files: Collection[RunFile],
    read: ReadFile,
    now: datetime,
    listed: Mapping[str, int | None] | None = None,
    grace_minutes: int | None = None,
) -> Verdict:
    """Return the verdict on a run folder. It depends on the set of files and on `now` only, never on their order.

    A run that is COMPLETE may be COPYING in a later verdict, when files come that nothing announced: a flow cell, a
    SMRT cell, or a late file after a rule that did without a marker.

    Args:
        folder: The base name of the run folder.
        files: All files of the run in any order, with those that were archived and left the landing bucket: a count or
            a list is checked against them.
        read: Returns the content of a small file; called for RunInfo, RunParameters, outcomes and lists only.
        now: The time, with a time zone.
        listed: {name below the run folder: size or None} of the uploader's seqdrop-manifest.json, if there is one. A
            run is complete when all of them are there, whatever its markers say.
        grace_minutes: The grace time instead of those of the table; 0 is allowed.
    """
    listing = Listing(files)
    table = load_table()
    recognition = recognise(folder, listing, read, table)
    row = recognition.row
    grace = None if grace_minutes is None else timedelta(minutes=grace_minutes)
    look = Look(listing, read, now, recognition.reads, grace)
    upload = check_upload(listed or {}, look)
    layouts = table.layouts(row)
    run = [(part, _assess(part, row, recognition.version, look, upload)) for part in find_parts(row, folder, listing)]
    analyses = [(part, _assess_analysis(part, layouts, look, upload)) for part in find_analyses(listing.folders)]
    silence = check_silence(row, folder, run, analyses, look)
    missing = [name for _, assessment in (*run, *analyses) for name in assessment.missing]
    return Verdict(
        instrument=row.id if row else "",
        name=row.name if row else "unknown instrument",
        state=_combine([assessment.state for _, assessment in run]),
        reason=make_printable(" ".join([_explain(run), *silence.sentences])),
        missing=tuple(shorten(name) for name in missing[:MOST_MISSING]),
        missing_count=len(missing),
        complete=_find_open_folders(run, analyses, listing),
        due_at=min([*_due_times(run, analyses, upload), *silence.due_times], default=None),
        is_silent=bool(silence.sentences),
        warnings=tuple(dict.fromkeys(shorten(it) for it in [*recognition.warnings, *_warn(run, analyses, upload)])),
        units=tuple(
            Unit(part.folder, part.kind, it.state, make_printable(it.reason)) for part, it in (*run, *analyses)
        ),
        analysis=max((analysis_number(part.folder) for part, it in analyses if it.state == "COMPLETE"), default=0),
    )


def _assess(part: Part, row: Row | None, version: str | None, look: Look, upload: Upload) -> Assessment:
    """Return the state of a part by its instrument's rule, or by what the uploader or a person says of the run."""
    assessment = assess_part(part, row, version, look) if row else _assess_unknown(upload)
    return open_up(assessment, upload.reason) if upload.reason else assessment


def _assess_unknown(upload: Upload) -> Assessment:
    if upload.missing:
        reason = f"Files of {MANIFEST} are awaited: {describe(upload.missing)}."
        return Assessment("COPYING", reason, missing=upload.missing)
    reason = (
        f"The instrument is unknown, so no file says when the run is complete. Drop {MANIFEST} into its folder, "
        f"or an empty {OVERRIDE} when all files are there."
    )
    return Assessment("COPYING", reason, missing=[OVERRIDE])


def _assess_analysis(part: Part, layouts: list[Analysis], look: Look, upload: Upload) -> Assessment:
    assessment = assess_analysis(part, layouts, look)
    is_listed = bool(upload.reason) and part.folder in upload.analyses
    return open_up(assessment, upload.reason) if is_listed else assessment


def _combine(states: list[State]) -> State:
    """Return the state of a run from those of its parts: the worst one."""
    order: list[State] = ["FAILED", "SEQUENCING", "COPYING", "COMPLETE"]
    return min(states, key=order.index)


def _explain(run: Pairs) -> str:
    """Return the reason of the only part, or how many are complete and why the first other one is not."""
    if len(run) == 1:
        return run[0][1].reason
    complete = sum(assessment.state == "COMPLETE" for _, assessment in run)
    if complete == len(run):
        return f"All {len(run)} {run[0][0].kind}s are complete."
    worst = _combine([assessment.state for _, assessment in run])
    part, assessment = next(pair for pair in run if pair[1].state == worst)
    return f"{complete} of {len(run)} {part.kind}s are complete. {part.folder}: {assessment.reason}"


def _find_open_folders(run: Pairs, analyses: Pairs, listing: Listing) -> tuple[str, ...]:
    """Return the folders whose files may advance: open parts, the run when all are, and what a person has marked."""
    folders = {part.folder for part, assessment in (*run, *analyses) if assessment.is_open}
    folders |= {folder for folder in listing.folders if OVERRIDE in listing.names(folder)}
    if all(assessment.is_open for _, assessment in run):
        folders.add("")
    return tuple(sorted(folders))


def _due_times(run: Pairs, analyses: Pairs, upload: Upload) -> list[datetime]:
    is_complete = all(assessment.state == "COMPLETE" for _, assessment in run)
    times = [None if is_complete else upload.due_at, *(assessment.due_at for _, assessment in (*run, *analyses))]
    return [time for time in times if time is not None]


def _warn(run: Pairs, analyses: Pairs, upload: Upload) -> list[str]:
    """Return what a person should know, apart from the state of the run."""
    warnings = [warning for _, assessment in (*run, *analyses) for warning in assessment.warnings]
    warnings += [f"{part.folder} failed. {it.reason}" for part, it in analyses if it.state == "FAILED"]
    if upload.missing and all(assessment.state == "COMPLETE" for _, assessment in run):
        warnings.append(
            f"The run is complete by its markers, but files of {MANIFEST} are missing: {describe(upload.missing)}."
        )
    return warnings
