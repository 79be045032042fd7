"""SQS → monitor: the schedule starts a monitoring job, and the end of a job has its findings reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_finished_job, parse_schedule
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.monitor.monitor import monitor

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import JobMessage, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Start a job for each message of the schedule, and report each job that has ended."""
    return handle_each(services(), event, context, _handle)


def _handle(body: JobMessage) -> None:
    name = "" if parse_schedule(body) else parse_finished_job(body)
    if name is not None:
        with span("monitor", job=name):
            monitor(services(), name)
