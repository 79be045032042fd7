"""summary.json: what was found, and everything that is needed to make it again."""

from __future__ import annotations

from dataclasses import asdict

from seqdrop.analyses import Analysis
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.results.rows import Counts
from seqdrop.selection import selected


def summary(upload: Upload, attempt: Attempt, job: Job, analysis: Analysis, counts: Counts) -> dict:
    return {
        "upload": {
            "id": upload.id,
            "key": upload.key,
            "version_id": upload.version_id,
            "sha256": upload.sha256,
            "records": upload.records,
        },
        "analysis": analysis.name,
        "selection": selected(analysis, upload.records, attempt.taken, attempt.distinct),
        "attempt": attempt.number,
        "job": job.name,
        "model": {"name": job.model, "archive": job.model_key, "sha256": job.model_digest},
        "parameters": asdict(analysis.use),
        "counts": counts.as_dict(),
        "note": "A probability is the model's own and not calibrated; see the model's card for what it is worth.",
    }
