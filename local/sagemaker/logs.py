"""A container's log in CloudWatch Logs, where AWS puts it, if the execution role may write there."""

import contextlib
import time
from pathlib import Path

from local.sagemaker.registry import Job
from local.sagemaker.roles import Roles

MOST_EVENTS, MOST_BYTES, EVENT_BYTES = 10_000, 1_000_000, 200_000


def send_log(path: Path, job: Job, credentials: dict[str, str], roles: Roles) -> None:
    """Put the end of a log into the job's own stream; raises ClientError where the role may not."""
    if not path.exists():
        return
    logs = roles.client("logs", credentials, job.region)
    try:
        stream = f"{job.name}/i-local-{int(job.created)}"
        group = f"/aws/sagemaker/{job.kind}Jobs"
        _make(logs, group, stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in _last_lines(path)]
        if events:
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    finally:
        logs.close()


def _make(logs, group: str, stream: str) -> None:
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)


def _last_lines(path: Path) -> list[str]:
    """The last lines that fit in one PutLogEvents; an empty line is no event."""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - MOST_BYTES // 2))
        text = log.read().decode(errors="replace")
    return [line[:EVENT_BYTES] for line in text.splitlines() if line.strip()][-MOST_EVENTS:]
