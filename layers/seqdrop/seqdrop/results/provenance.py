"""Who made a file: the model, its version, the parameters and the input. Every file of results carries it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop import __version__
from seqdrop.work.selection import describe_selection

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt, Job, Upload


def provenance(upload: Upload, attempt: Attempt, job: Job, analysis: Analysis, masks: Upload | None = None) -> dict:
    """What is needed to make the predictions again; plain JSON. `masks` is the BED that said what to fill, if any."""
    return {
        "seqdrop": __version__,
        "upload": {**_input(upload), "records": upload.records},
        **({"masks": {**_input(masks), "stretches": masks.records}} if masks else {}),
        "analysis": analysis.name,
        "selection": describe_selection(analysis, upload.records, attempt.taken, attempt.distinct),
        "attempt": attempt.number,
        "job": job.name,
        "model": {"name": job.model, "archive": job.model_key, "sha256": job.model_digest},
        "parameters": analysis.kind.parameters(analysis.settings),
        "calibration": json.loads(job.calibration) if job.calibration else None,
    }


def _input(upload: Upload) -> dict:
    return {"id": upload.id, "key": upload.key, "version_id": upload.version_id, "sha256": upload.sha256}


def comments(made_by: dict) -> str:
    """The same as comment lines of BED, GFF3 and bedGraph: one a field, its value as ASCII JSON, so never two lines."""
    told = {name: value for name, value in made_by.items() if name != "calibration"}
    return "".join(f"# {name}: {json.dumps(value)}\n" for name, value in told.items())
