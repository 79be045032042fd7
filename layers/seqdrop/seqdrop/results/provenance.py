"""The provenance of results: the model, its version, the parameters and the input.

It is in summary.json, in the metadata of Parquet tables, and in the comments of BED, GFF3 and bedGraph.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

from seqdrop import __version__
from seqdrop.config.analysis import ModelSettings
from seqdrop.work.selection import describe_selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt, Job, Upload
    from seqdrop.report.schema import SelectionFacts


class InputFile(TypedDict):
    """An upload, with the keys that identify its bytes."""

    id: str
    key: str
    version_id: str
    sha256: str


class InputRecords(InputFile):
    """The upload that predictions were made for."""

    records: int


class InputMasks(InputFile):
    """The BED whose intervals were filled; `stretches` is the number of intervals."""

    stretches: int  # stored name


class ModelVersion(TypedDict):
    """A model archive: its name, its key (or path), and its SHA-256 in hexadecimal."""

    name: str
    archive: str
    sha256: str


class _WithMasks(TypedDict, total=False):
    masks: InputMasks


class Provenance(_WithMasks):
    """What is needed to make the predictions again, as JSON."""

    seqdrop: str
    upload: InputRecords
    analysis: str
    selection: SelectionFacts
    attempt: int
    job: str
    model: ModelVersion
    parameters: Mapping[str, object]
    calibration: Mapping[str, object] | None


def build_provenance(
    upload: Upload, attempt: Attempt, job: Job, analysis: Analysis, masks: Upload | None = None
) -> Provenance:
    """Return the provenance of an attempt's results. `masks` is the BED whose intervals were filled, if any."""
    with_masks: _WithMasks = {}
    if masks:
        with_masks = {"masks": {**_input_file(masks), "stretches": masks.records}}
    return {
        "seqdrop": __version__,
        "upload": {**_input_file(upload), "records": upload.records},
        **with_masks,
        "analysis": analysis.name,
        "selection": describe_selection(analysis, upload.records, attempt.taken, attempt.distinct),
        "attempt": attempt.number,
        "job": job.name,
        "model": {"name": job.model, "archive": job.model_key, "sha256": job.model_digest},
        "parameters": analysis.kind.parameters(analysis.settings_as(ModelSettings)),
        "calibration": json.loads(job.calibration) if job.calibration else None,
    }


def _input_file(upload: Upload) -> InputFile:
    return {"id": upload.id, "key": upload.key, "version_id": upload.version_id, "sha256": upload.sha256}


def comments(provenance: Provenance) -> str:
    """Return provenance as comment lines of BED, GFF3 and bedGraph, one for each field except the calibration.

    Values are ASCII JSON, so they contain no line breaks.
    """
    fields = [(name, value) for name, value in provenance.items() if name != "calibration"]
    return "".join(f"# {name}: {json.dumps(value)}\n" for name, value in fields)
