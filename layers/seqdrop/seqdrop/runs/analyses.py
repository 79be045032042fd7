"""On-board analyses, in `Analysis/<n>` of a run folder: only their own markers count, since they come after the run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.runs.files import RunFileError
from seqdrop.runs.instruments import Alternative
from seqdrop.runs.listing import join
from seqdrop.runs.names import analysis_folder, analysis_number
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
from seqdrop.runs.transfer_lists import parse_manifest_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.runs.instruments import Analysis


def find_analyses(folders: Iterable[str]) -> list[Part]:
    """Return the analysis folders of a run, by number; `folders` are all folders that have files."""
    parts: dict[str, list[str]] = {}
    for folder in folders:
        name = analysis_folder(folder + "/")
        if name:
            parts.setdefault(name, []).append(folder)
    order = sorted(parts, key=lambda name: (analysis_number(name), name))
    return [Part(name, "analysis", parts[name]) for name in order]


def assess_analysis(part: Part, layouts: list[Analysis], look: Look) -> Assessment:
    """Return the state of one analysis folder. Of several layouts that it may have, the one that is furthest counts."""
    order = ("FAILED", "COMPLETE", "COPYING")
    assessments = [_assess_layout(part, layout, look) for layout in layouts]
    assessment = min(assessments, key=lambda it: (order.index(it.state), len(it.missing)))
    return open_up(assessment, OVERRIDDEN) if is_overridden(part, look) else assessment


def _assess_layout(part: Part, layout: Analysis, look: Look) -> Assessment:
    warnings: list[str] = []
    progress = check_markers([Alternative(layout.markers)], part, look, timedelta(minutes=layout.grace_minutes))
    outcome = check_outcome(layout.outcome, part, look, warnings)
    if layout.manifest and progress.complete_at:
        _await_manifest(join(part.folder, layout.manifest), part, progress, look, warnings)
    if layout.outcome and outcome and outcome.is_pending and progress.complete_at:
        progress.complete_at = None
        progress.missing = [f"{join(part.folder, layout.outcome.file)} (it says {outcome.text})"]
    if layout.outcome and outcome and outcome.is_failed:
        assessment = fail(layout.outcome, outcome, part, timedelta(minutes=layout.grace_minutes), look)
    else:
        assessment = conclude(progress, True, look)
    assessment.warnings += warnings
    return assessment


def _await_manifest(path: str, part: Part, progress: Progress, look: Look, warnings: list[str]) -> None:
    """Wait for all files that the analysis's Manifest.tsv lists; for a better one, if it cannot be read."""
    file = look.listing.get(path)
    try:
        names = parse_manifest_names((read_content(file.name, look.read) if file else None) or b"", path)
    except RunFileError as error:
        warnings.append(str(error))
        progress.await_also([path], look)
        return
    paths = (join(part.folder, name) for name in names)
    progress.await_also([path for path in paths if look.listing.get(path) is None], look)
