"""The parts of a run that become complete by themselves: the run, its SMRT cells, its flow cells, or its lanes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.runs.cycles import find_missing_cycles
from seqdrop.runs.files import RunFileError
from seqdrop.runs.final_summaries import find_missing
from seqdrop.runs.instruments import load_table
from seqdrop.runs.listing import join
from seqdrop.runs.names import analysis_folder
from seqdrop.runs.recognition import read_content
from seqdrop.runs.rules import (
    OVERRIDDEN,
    Assessment,
    Look,
    Part,
    Progress,
    check_markers,
    check_outcome,
    conclude,
    fail,
    is_overridden,
    open_up,
)
from seqdrop.runs.transfer_lists import parse_transfer_list

if TYPE_CHECKING:
    from seqdrop.runs.instruments import Row
    from seqdrop.runs.listing import Listing
    from seqdrop.runs.rules import Kind

MOST_LEVELS = 8  # how deep the folder of a flow cell may be below the run


def find_parts(row: Row | None, folder: str, listing: Listing) -> list[Part]:
    """Return the parts of a run, by folder. There is always one: the run itself, if no folder below it is a part.

    `folder` is the name of the run folder, which may itself be a part: a flow cell that was uploaded alone. On-board
    analyses are not among them.
    """
    parts: dict[str, list[str]] = {}
    folders = [path for path in listing.folders if not analysis_folder(path + "/")]
    if row is None or row.unit == "run" or _is_match(row, folder):
        return [Part("", _kind(row), folders)]
    for path in folders:
        unit = _find_unit(row, path)
        if unit is not None:
            parts.setdefault(unit, []).append(path)
    return [Part(unit, _kind(row), parts[unit]) for unit in sorted(parts)] or [Part("", _kind(row), folders)]


def part_folder(instrument: str, run: str, name: str) -> str:
    """Return the folder of the part that a file is in, by its path; "" if the run itself is its part.

    `instrument` is the id of a row, "" for an unknown one, and `run` is the name of the run folder.
    """
    row = load_table().row(instrument)
    if row is None or row.unit == "run" or _is_match(row, run) or analysis_folder(name):
        return ""
    return _find_unit(row, name.rpartition("/")[0]) or ""


def _kind(row: Row | None) -> Kind:
    kinds: dict[str, Kind] = {"flow cell": "flow cell", "cell": "cell", "lane": "lane"}
    return kinds.get(row.unit, "run") if row else "run"


def _find_unit(row: Row, path: str) -> str | None:
    """Return the folder of the part that a folder is in: one with a part's name, or the parent of a part's contents."""
    names = path.split("/", MOST_LEVELS)[:MOST_LEVELS] if path else []
    for count, name in enumerate(names, start=1):
        if _is_match(row, name):
            return "/".join(names[:count])
        if name.lower() in row.unit_contents:
            return "/".join(names[: count - 1])
    return None


def _is_match(row: Row, name: str) -> bool:
    return any(re.fullmatch(pattern, name, re.ASCII) for pattern in row.unit_folders)


def assess_part(part: Part, row: Row, version: str | None, look: Look) -> Assessment:
    """Return the state of a part by the rules of its instrument's row."""
    warnings: list[str] = []
    grace = timedelta(minutes=row.grace_minutes)
    progress = check_markers(row.rules(version), part, look, grace)
    if progress.complete_at:
        _await_content(row, part, progress, look, warnings)
    if progress.complete_at and progress.warning:
        warnings.append(f"{progress.warning}; it was taken for complete.")
    outcome = check_outcome(row.outcome, part, look, warnings)
    if row.outcome and outcome and outcome.is_failed:
        assessment = fail(row.outcome, outcome, part, grace, look)
    else:
        has_ended = any(look.listing.find(part.folder, pattern) for pattern in row.end)
        assessment = conclude(progress, has_ended, look)
    assessment.warnings += warnings
    return open_up(assessment, OVERRIDDEN) if is_overridden(part, look) else assessment


def _await_content(row: Row, part: Part, progress: Progress, look: Look, warnings: list[str]) -> None:
    """Wait for what the markers themselves list or count."""
    markers = [file for pattern in row.markers for file in look.listing.find(part.folder, pattern)]
    if row.content == "final summary":
        missing, remarks = find_missing(part.folders, markers, look.listing, look.read)
        warnings += remarks
        progress.await_also([f"{part.folder}: {name}" if part.folder else name for name in missing], look)
    if row.content == "cycles":
        progress.await_also(find_missing_cycles(part.folder, look.listing, look.read), look)
    if row.content == "transfer list":
        missing = [name for file in markers for name in _missing_of_list(file.name, part, look, warnings)]
        progress.await_also(missing, look)


def _missing_of_list(name: str, part: Part, look: Look, warnings: list[str]) -> list[str]:
    """Return the files of a SMRT cell that its .transferdone lists and that are not there.

    An empty one is a marker that lists nothing; one that cannot be read is awaited again.
    """
    body = read_content(name, look.read)
    if body is None:
        return []
    try:
        paths = parse_transfer_list(body, name)
    except RunFileError as error:
        warnings.append(str(error))
        return [name]
    return [join(part.folder, path) for path in paths if look.listing.get(join(part.folder, path)) is None]
