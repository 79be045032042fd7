"""The verdict on each sample of a complete folder: from the records of its files, without a read from S3."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, TypedDict

from seqdrop.runs.figures import FileFigures, sum_barcodes, sum_figures, unpack_figures
from seqdrop.runs.read_names import is_index_read, parse_read_name
from seqdrop.runs.verdicts import JudgedSample, as_entries, judge_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.config.verdict import VerdictSettings
    from seqdrop.ledger.records import Upload
    from seqdrop.runs.samples import SampleRow, SampleTable
    from seqdrop.runs.verdicts import Limit, LimitEntry
    from seqdrop.stages.runs.survey import Survey


class ThresholdsEntry(TypedDict):
    """The thresholds of a run in run.json: those of its analysis when its verdicts were made."""

    analysis: str
    planned_mb: float | None
    limits: list[LimitEntry]


class BarcodesEntry(TypedDict):
    """The most frequent unknown barcodes in run.json, with their numbers among `barcode_reads` reads."""

    unknown_barcodes: list[tuple[str, int]]
    barcode_reads: int


def settings_of(survey: Survey) -> VerdictSettings | None:
    """Return [analyses.NAME.verdict] of the run's analysis; None if the analysis is gone."""
    analysis = survey.services.analyses.for_key(survey.run.key_of("file"))
    return analysis.verdict if analysis else None


def limits_of(survey: Survey) -> Sequence[Limit]:
    """Return the limits of the run's analysis."""
    settings = settings_of(survey)
    return settings.limits if settings else ()


def describe_thresholds(survey: Survey) -> ThresholdsEntry:
    """Return the thresholds for run.json, by which its verdicts were made."""
    settings = settings_of(survey)
    planned = settings.planned_mb if settings else None
    return {"analysis": survey.run.analysis, "planned_mb": planned, "limits": as_entries(limits_of(survey))}


def judge_samples(survey: Survey, table: SampleTable) -> dict[str, JudgedSample]:
    """Return the verdict, the figures and the uploads of each sample, by its id."""
    limits = limits_of(survey)
    return {row.sample_id: _judge(survey, row, limits) for row in table.rows}


def _judge(survey: Survey, row: SampleRow, limits: Sequence[Limit]) -> JudgedSample:
    uploads = {name: upload for names in row.files.values() for name in names if (upload := _upload(survey, name))}
    rejected = {posixpath.basename(name): each.reason for name, each in uploads.items() if each.state == "REJECTED"}
    by_read: dict[str, list[FileFigures]] = {}
    for read, names in row.files.items():
        files = [unpack_figures(uploads[name].figures) for name in names if name in uploads and not is_index_read(name)]
        if known := [figures for figures in files if figures]:
            by_read[read] = known
    figures = sum_figures(by_read)
    verdict = judge_sample(row.status, row.missing, rejected, figures, limits)
    return {**verdict, "figures": figures, "uploads": {name: upload.id for name, upload in uploads.items()}}


def find_unknown_barcodes(survey: Survey, folder: str) -> BarcodesEntry:
    """Return the most frequent barcodes of the reads of no sample in a folder; mates have the same, so R1 counts."""
    files = []
    for entry in survey.below(folder):
        name = parse_read_name(entry.name)
        if entry.upload and name and name.is_undetermined and not name.is_index and name.read in ("", "R1"):
            files.append(unpack_figures(entry.upload.figures))
    top, looked_at = sum_barcodes(figures for figures in files if figures)
    return {"unknown_barcodes": top, "barcode_reads": looked_at}


def _upload(survey: Survey, name: str) -> Upload | None:
    entry = survey.latest.get(name)
    return entry.upload if entry else None
