"""The files of a run that are sample sheets, by name."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# SampleSheet.csv, SampleSheetUsed.csv (MiSeq, MiniSeq), sample_sheet_FAP48412_20210520_….csv (ONT), RunManifest.csv
# (AVITI). Labs put a name or a date before or after.
SHEET = re.compile(r"(?:.*[_. -])?(?:sample[_-]?sheet(?:used)?|run[_-]?manifest)(?:[_. -].*)?\.csv", re.IGNORECASE)
ANALYSIS = re.compile(r"(?:^|/)Analysis/(\d+)/", re.IGNORECASE)


def is_sheet(name: str) -> bool:
    """Return True if a file is a sample sheet by its name; `name` may be a path."""
    return SHEET.fullmatch(posixpath.basename(name.replace("\\", "/"))) is not None


def starts_like_sheet(start: bytes) -> bool:
    """Return True if a file starts as a sample sheet does: with a section, or with the columns of MinKNOW.

    Labs call other tables SampleSheet.csv as well, such as the inputs of nf-core pipelines. `start` are the first bytes
    of the file, some hundred.
    """
    text = start.decode("utf-8-sig", errors="replace").lstrip(" \t\r\n,")
    first_line = re.split(r"[\r\n]", text, maxsplit=1)[0].lower()
    return first_line.startswith(("[", '"[')) or "flow_cell_id" in first_line or "position_id" in first_line


def choose_sheet(names: Iterable[str]) -> str | None:
    """Return the name of the sheet that describes what a run holds; None if there is none.

    That of the latest on-board analysis comes first, because it is the one that its FASTQ files were made with, then
    the sheet in the run folder, then others, each time the shortest path.
    """
    sheets = [name for name in names if is_sheet(name)]
    return min(sheets, key=lambda name: (-_analysis(name), name.count("/"), len(name), name), default=None)


def _analysis(name: str) -> int:
    match = ANALYSIS.search(name)
    return int(match[1]) if match else 0
