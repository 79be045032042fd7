"""The details of events, from the records of the ledger. docs/schemas/events has a JSON Schema for each type.

Names of files, folders and samples may identify patients. They are left out unless the lab wants them (`Names`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.bus.types import VERSION
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.ledger.restore_records import RestoreRequest
from seqdrop.ledger.run_record import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.bus.types import Happening

Detail = dict[str, Any]
PART = 500  # uploads in an event


@dataclass(frozen=True)
class Names:
    """What an event says besides its record: `is_open` if it may have names of files, folders and samples.

    `run` is the id of the run of an upload. `lims_ids` are the ids that the lab's information system gave to the
    upload, or to the samples of a run, by sample. `uploads` are those of a request for a restore. `upload` is that of
    an attempt, `model` and `version` those that it trained.
    """

    is_open: bool = False
    run: str = ""
    lims_ids: dict[str, str] = field(default_factory=dict)
    uploads: Sequence[str] = ()
    upload: Upload | None = None
    model: str = ""
    version: str = ""


def make_details(happening: Happening, names: Names) -> list[Detail]:
    """Return the details of the events of a move: one, or as many as its uploads need. Empty fields are left out."""
    record = happening.record
    if isinstance(record, RestoreRequest):
        return _restored(happening, record, names)
    content = _describe(happening, names)
    return [_close(happening, content, 1)]


def _describe(happening: Happening, names: Names) -> Detail:
    record = happening.record
    if isinstance(record, Upload):
        return _upload(record, happening.state, names)
    if isinstance(record, Attempt):
        return _predicted(record, names) if happening.state == "PREDICTED" else _candidate(record, names)
    if isinstance(record, Job):
        return _job(record, names)
    if isinstance(record, Run):
        return _run(record, names)
    raise TypeError(f"there are no events of {record.kind}")


def _close(happening: Happening, content: Detail, part: int) -> Detail:
    envelope = {
        "version": VERSION,
        "id": happening.make_id(part),
        "type": happening.type,
        "occurred_at": happening.time,
    }
    return envelope | {name: value for name, value in content.items() if value not in ("", None, [], {})}


def _upload(upload: Upload, state: str, names: Names) -> Detail:
    is_archived = state == "ARCHIVED"
    return {
        "upload": upload.id,
        "analysis": upload.analysis,
        "run": names.run,
        "size": upload.size,
        "format": upload.format,
        "records": upload.records or None,
        "sha256": upload.sha256,
        "lims_ids": sorted(set(names.lims_ids.values())),
        "reason": upload.reason if state in ("REJECTED", "WITHDRAWN") else "",
        "duplicate_of": upload.duplicate_of if state == "DUPLICATE" else "",
        "storage_class": (upload.storage_class or "DEEP_ARCHIVE") if is_archived else "",
        "receipt": keys.receipt(upload.id) if is_archived else "",
        **({"key": upload.key, "version_id": upload.version_id} if names.is_open else {}),
    }


def _predicted(attempt: Attempt, names: Names) -> Detail:
    upload = names.upload
    return {
        "upload": attempt.upload_id,
        "analysis": attempt.analysis,
        "run": names.run,
        "attempt": attempt.number,
        "job": attempt.job,
        "lims_ids": sorted(set(names.lims_ids.values())),
        "results": keys.result(attempt.analysis, attempt.upload_id, attempt.number, ""),
        **({"key": upload.key, "version_id": upload.version_id} if names.is_open and upload else {}),
    }


def _candidate(attempt: Attempt, names: Names) -> Detail:
    return {
        "upload": attempt.upload_id,
        "analysis": attempt.analysis,
        "attempt": attempt.number,
        "job": attempt.job,
        "lims_ids": sorted(set(names.lims_ids.values())),
        "model": names.model,
        "model_version": names.version,
        "verdict": attempt.reason,
        "summary": keys.training_result(attempt.upload_id, "summary.json"),
    }


def _job(job: Job, names: Names) -> Detail:
    uploads = [member.partition("-")[0] for member in job.members] or [job.upload]
    return {
        "job": job.name,
        "task": job.task,
        "analysis": job.analysis,
        "model": job.model,
        "uploads": [upload for upload in uploads if upload],
        **({"reason": job.reason} if names.is_open else {}),
    }


def _run(run: Run, names: Names) -> Detail:
    named = {
        "folder": run.folder,
        "cause": run.cause,
        "report": keys.run_result(run.analysis, run.name, "run.json"),
        "lims_ids_of_samples": names.lims_ids,
    }
    return {
        "run": run.id,
        "analysis": run.analysis,
        "revision": run.number,
        "instrument": run.instrument,
        "flow_cell": run.flow_cell,
        "files": run.files,
        "bytes": run.bytes,
        "samples": run.samples,
        "missing_samples": run.missing_samples,
        "rejected": run.rejected,
        "lims_ids": sorted(set(names.lims_ids.values())),
        **(named if names.is_open else {}),
    }


def _restored(happening: Happening, request: RestoreRequest, names: Names) -> list[Detail]:
    starts = range(0, max(len(names.uploads), 1), PART)
    content = {
        "request": request.id,
        "tier": request.tier,
        "until": request.until,
        "files": request.files,
        "parts": len(starts),
        **({"to": request.to, "selector": request.selector} if names.is_open else {}),
    }
    return [
        _close(happening, {**content, "part": part, "uploads": list(names.uploads[start : start + PART])}, part)
        for part, start in enumerate(starts, start=1)
    ]
