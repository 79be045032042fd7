"""Which project, run and sample an upload belongs to, and on which day it was sequenced."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from seqdrop.results.reports import sample_name
from seqdrop.runs.read_names import parse_read_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.catalogue.facts import Document, UploadFacts
    from seqdrop.ledger.records import Upload

DAY = re.compile(r"(?:^|_)(?P<day>\d{8}|\d{6})_")
"""The day in the name of a run's folder: 20260105_LH00999_…, 260105_M00123_…, or m84028_230214_023007 of PacBio."""


@dataclass(frozen=True)
class Subject:
    """The names that an upload has in the catalogue; "" for what is not known."""

    project: str
    run: str
    sample: str


def subject_of(facts: UploadFacts) -> Subject:
    """Return the names of an upload.

    Those of the sample sheet come first. Without one, the sample is that in the file's name, and the project is the
    first folder below the prefix of the analysis, unless that folder is a run.
    """
    upload = facts.upload
    if not facts.run_folder:
        folder = posixpath.basename(upload.run.rstrip("/"))
        return Subject(folder, "", _sample_in_name(posixpath.basename(upload.key), upload))
    run, path = posixpath.basename(facts.run_folder.rstrip("/")), upload.key.removeprefix(facts.run_folder)
    if entry := _find_sample(facts.run_report or {}, path):
        return Subject(entry.get("project", ""), run, entry["sample_id"])
    return Subject("", run, _sample_in_name(path, upload))


def _find_sample(report: Document, path: str) -> Mapping[str, str] | None:
    """Return the sample of a run's report that has a file with this path below the run's folder."""
    for part in reversed(report.get("parts", [])):
        for sample in part.get("samples", []):
            if any(path in paths for paths in sample["files"].values()):
                entry: Mapping[str, str] = sample
                return entry
    return None


def _sample_in_name(path: str, upload: Upload) -> str:
    """Return the sample that a file's name says; the name without its suffixes if it says none."""
    parsed = parse_read_name(path)
    return parsed.sample if parsed and parsed.sample else sample_name(upload.key)


def sequenced_on(folder: str) -> str | None:
    """Return the day in the name of a run's folder, as 2026-01-05; None if there is none."""
    for match in DAY.finditer(folder + "_"):
        digits = match["day"] if len(match["day"]) == 8 else "20" + match["day"]
        try:
            return date.fromisoformat(digits).isoformat()
        except ValueError:
            continue  # a number that is no day
    return None
