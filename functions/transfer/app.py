"""SQS → transfer: the schedule starts an execution of DataSync, and the end of one has its runs judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.transfer.transfer import handle_message

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import JobMessage, SqsEvent, TransferMessage


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Process the ends of executions for each message, and start one if it asks for that."""
    return handle_each(services(), event, context, _handle)


def _handle(body: JobMessage | TransferMessage) -> None:
    with span("transfer"):
        handle_message(services(), body)
