"""SQS → serve: endpoints of models. CloudFormation calls the function itself, whose message it puts into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.serve.messages import handle_message
from seqdrop.stages.serve.stack_events import queue_request

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import ServeMessage, SqsEvent, StackMessage


def handler(event: SqsEvent | StackMessage, context: LambdaContext) -> PartialItemFailureResponse:
    """Advance the endpoints for each message; queue a request of CloudFormation, whose end may take minutes."""
    if "RequestType" in event:
        queue_request(services(), cast("StackMessage", event))
        return {"batchItemFailures": []}
    return handle_each(services(), event, context, _handle)


def _handle(body: ServeMessage) -> None:
    with span("serve"):
        handle_message(services(), body)
