"""EventBridge: find the queues of each event with the rules of template.yaml."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.support.aws.template import rules

if TYPE_CHECKING:
    from tests.support.aws.omics import Run
    from tests.support.aws.s3 import Bucket, Version
    from tests.support.aws.sagemaker import Job


KINDS = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "wildcard": lambda value, text: re.fullmatch(".*".join(map(re.escape, text.split("*"))), value) is not None,
}


def queues_of(event: dict) -> list[str]:
    """Return the names of the queues to which an event is sent."""
    return [queue for pattern, targets in rules() if _fits(pattern, event) for queue in targets]


def _fits(pattern: dict, event: dict) -> bool:
    """Return True if an event fits a pattern: exact values, prefixes, suffixes and nested objects."""
    for name, expected in pattern.items():
        value = event.get(name)
        if isinstance(expected, dict):
            if not isinstance(value, dict) or not _fits(expected, value):
                return False
        elif not any(_matches(item, value) for item in expected):
            return False
    return True


def _matches(expected, value) -> bool:
    if not isinstance(expected, dict):
        return expected == value
    ((kind, text),) = expected.items()
    assert kind in KINDS, f"patterns with {kind} are not supported here"
    return isinstance(value, str) and KINDS[kind](value, text)


def object_created(bucket: Bucket, version: Version) -> dict:
    """Return the event of a new object version."""
    item = {"key": version.key, "size": len(version.body), "etag": version.etag, "sequencer": version.sequencer}
    if bucket.versioned:
        item["version-id"] = version.id
    detail = {"version": "0", "bucket": {"name": bucket.name}, "object": item, "reason": "PutObject"}
    return {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def object_restored(bucket: Bucket, version: Version, kind: str) -> dict:
    """Return the event of a temporary copy that is there ("Completed") or was removed ("Expired")."""
    item = {"key": version.key, "size": len(version.body), "etag": version.etag, "version-id": version.id}
    detail = {"version": "0", "bucket": {"name": bucket.name}, "object": item}
    return {"version": "0", "source": "aws.s3", "detail-type": f"Object Restore {kind}", "detail": detail}


def as_text(event: dict) -> str:
    """Return an event as the body of a message."""
    return json.dumps(event)


def run_changed(run: Run) -> dict:
    """Return the event of a run's status, with the fields that are known to be there."""
    detail = {"omicsVersion": "1.0.0", "arn": run.arn, "status": run.status}
    return {"version": "0", "source": "aws.omics", "detail-type": "Run Status Change", "detail": detail}


def job_changed(job: Job) -> dict:
    """Return the event of a job's state change."""
    detail = {f"{job.kind}JobName": job.name, f"{job.kind}JobStatus": job.status}
    kind = f"SageMaker {job.kind} Job State Change"
    return {"version": "0", "source": "aws.sagemaker", "detail-type": kind, "detail": detail}
