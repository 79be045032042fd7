"""SQS → start_processing: uploads that are too large for a Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.start_processing.start_processing import start_processing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import SqsEvent, UploadMessage


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Start the processing job of the upload of each message."""
    return handle_each(services(), event, context, _handle)


def _handle(body: UploadMessage) -> None:
    with span("start_processing", upload_id=body["upload"]):
        start_processing(services(), body["upload"])
