"""SQS → restore: requests for restores, and S3's events about temporary copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_restore_event
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.restore.restore import restore
from seqdrop.stages.restore.waiting import note_event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import RestoreMessage, S3Message, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Continue the request of each message, or look at the object of each event."""
    return handle_each(services(), event, context, _handle)


def _handle(body: RestoreMessage | S3Message) -> None:
    if "restore" in body:
        message = cast("RestoreMessage", body)
        with span("restore", restore_id=message["restore"]):
            return restore(services(), message["restore"], message.get("revision", ""))
    with span("restore"):
        return note_event(services(), parse_restore_event(body))
