"""Upload of a container's log to CloudWatch Logs, into the group that AWS uses, with the execution role."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from botocore.client import BaseClient

    from local.sagemaker.job_records import Job
    from local.sagemaker.roles import Roles

# Bounds of one PutLogEvents call: number of events, bytes of all events, bytes of an event.
MAX_EVENTS, MAX_BYTES, MAX_EVENT_BYTES = 10_000, 1_000_000, 200_000


def send_log(path: Path, job: Job, credentials: dict[str, str], roles: Roles) -> None:
    """Write the end of a log to the job's own stream; raise ClientError if the role may not do so."""
    if not path.exists():
        return
    stream = f"{job.name}/i-local-{int(job.created)}"
    send_lines(_read_end(path), f"/aws/sagemaker/{job.kind}Jobs", stream, credentials, job.region, roles)


def send_lines(text: str, group: str, stream: str, credentials: dict[str, str], region: str, roles: Roles) -> None:
    """Write the last lines of a text to a stream; raise ClientError if the role may not do so."""
    logs = roles.client("logs", credentials, region)
    try:
        _create_stream(logs, group, stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in _last_lines(text)]
        if events:
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    finally:
        logs.close()


def _create_stream(logs: BaseClient, group: str, stream: str) -> None:
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)


def _read_end(path: Path) -> str:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - MAX_BYTES // 2))
        return log.read().decode(errors="replace")


def _last_lines(text: str) -> list[str]:
    """Return the last lines that fit in one PutLogEvents call, without empty lines."""
    lines = text[-MAX_BYTES // 2 :].splitlines()
    return [line[:MAX_EVENT_BYTES] for line in lines if line.strip()][-MAX_EVENTS:]
