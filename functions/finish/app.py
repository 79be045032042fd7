"""SQS → finish: state changes of SageMaker jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_finished_job
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.finish.finish import finish

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import JobMessage, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Finish the job of each message that reports an end."""
    return handle_each(services(), event, context, _handle)


def _handle(body: JobMessage) -> None:
    if name := parse_finished_job(body):
        with span("finish", job=name):
            finish(services(), name)
