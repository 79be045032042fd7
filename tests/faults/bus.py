"""EventBridge: which events go to which queues, by the rules of template.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.aws.template import rules

if TYPE_CHECKING:
    from tests.support.aws.s3 import Bucket, Version
    from tests.support.aws.sagemaker import Job


def queues_of(event: dict) -> list[str]:
    """The names of the queues that an event is sent to."""
    return [queue for pattern, targets in rules() if _fits(pattern, event) for queue in targets]


def _fits(pattern: dict, event: dict) -> bool:
    """Exact values, prefixes and nested objects: all that the template's patterns have."""
    for name, wanted in pattern.items():
        found = event.get(name)
        if isinstance(wanted, dict):
            if not isinstance(found, dict) or not _fits(wanted, found):
                return False
        elif not any(_is(item, found) for item in wanted):
            return False
    return True


def _is(wanted, found) -> bool:
    if not isinstance(wanted, dict):
        return wanted == found
    ((kind, text),) = wanted.items()
    assert kind in ("prefix", "suffix"), f"no rule of {kind} here"
    return isinstance(found, str) and (found.startswith(text) if kind == "prefix" else found.endswith(text))


def object_created(bucket: Bucket, version: Version) -> dict:
    told = {"key": version.key, "size": len(version.body), "etag": version.etag, "sequencer": version.sequencer}
    if bucket.versioned:
        told["version-id"] = version.id
    detail = {"version": "0", "bucket": {"name": bucket.name}, "object": told, "reason": "PutObject"}
    return {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def job_changed(job: Job) -> dict:
    detail = {f"{job.kind}JobName": job.name, f"{job.kind}JobStatus": job.status}
    kind = f"SageMaker {job.kind} Job State Change"
    return {"version": "0", "source": "aws.sagemaker", "detail-type": kind, "detail": detail}
