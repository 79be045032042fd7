"""How far an asynchronous job is, from what its endpoint has written: no message is needed to see it.

Messages about results may come twice, late or never, so finish and the reconciler both look at the output objects. The
predictions count only if the endpoint certainly made them with the model and the settings of the job's record: if the
model's pointer or the analysis has changed since, the endpoint may have been updated, and a transform job predicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.aws.s3 import exists
from seqdrop.kinds.plans import plan_of
from seqdrop.models import pointers
from seqdrop.sagemaker.async_requests import PREDICT_SECONDS, QUEUE_SECONDS, Order
from seqdrop.sagemaker.served_models import is_lost

if TYPE_CHECKING:
    from collections.abc import Collection

    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.services import Services

# A request expires in the queue or ends at its time limit. The rest is for the start of an instance, and for clocks.
LIMIT = timedelta(seconds=QUEUE_SECONDS + PREDICT_SECONDS, minutes=15)
GONE = "the endpoint was deleted, or failed, before it had predicted"
LATE = "the endpoint has not predicted within its time limit"
CHANGED = "the model or its settings changed while the endpoint predicted"


@dataclass(frozen=True)
class Progress:
    """The ledger's state of a job that has ended ("DONE" or "FAILED", None while it runs), its outputs, the reason."""

    end: str | None
    outputs: list[str]
    reason: str = ""


def find_progress(services: Services, job: Job, attempt: Attempt, unserved: Collection[int] = ()) -> Progress:
    """Return how far an asynchronous job is. `unserved` are shards that a message reports as failed or expired."""
    numbers = range(len(Order.of(job).invocations))
    outputs = [_key(services, job.outputs, number) or keys.async_output(job.name, number) for number in numbers]
    lacking = next((number for number in numbers if not _exists(services, outputs[number])), None)
    if lacking is None:
        return (
            Progress("FAILED", outputs, CHANGED) if _has_changed(services, job, attempt) else Progress("DONE", outputs)
        )
    if job.state != "STARTED":
        return Progress(None, outputs)  # start_transform may still be sending its requests
    reason = _find_reason(services, job, [number for number in unserved if not _exists(services, outputs[number])])
    return Progress("FAILED" if reason else None, outputs, reason)


def _find_reason(services: Services, job: Job, unserved: list[int]) -> str:
    """Return why a job that lacks outputs has failed; "" if it has not."""
    if unserved:
        return f"the endpoint did not process request {unserved[0] + 1} of {len(job.outputs)}: it failed or expired"
    failures = [_key(services, job.failures, number) for number in range(len(job.failures))]
    failed = next((number for number, key in enumerate(failures) if key and _exists(services, key)), None)
    if failed is not None:
        return f"the endpoint could not process request {failed + 1} of {len(job.failures)}; see its log"
    started = datetime.fromisoformat(job.timeline["STARTED"])
    if clock.utc_now() - started > LIMIT:
        return LATE
    return GONE if is_lost(services.sagemaker, Order.of(job).endpoint, started) else ""


def _key(services: Services, locations: list[str], number: int) -> str:
    """Return the key of the work bucket in a location that SageMaker returned; "" if it returned none."""
    prefix = f"s3://{services.settings.work}/"
    location = locations[number] if number < len(locations) else ""
    return location.removeprefix(prefix) if location.startswith(prefix) else ""


def _exists(services: Services, key: str) -> bool:
    return exists(services.s3, services.settings.work, key)


def _has_changed(services: Services, job: Job, attempt: Attempt) -> bool:
    """Return True if the endpoint may have been updated since the job was planned."""
    pointer = pointers.load(services.s3, services.settings.models, keys.model_pointer(job.model))
    planned, deployed = plan_of(attempt), services.analyses.by_name.get(attempt.analysis)
    if deployed is None or deployed.kind.name != planned.kind.name:
        return True
    same = deployed.kind.environment(deployed) == planned.kind.environment(planned)
    return not same or pointer.etag != Order.of(job).pointer
