"""SQS → catalogue: facts in the results bucket that have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_catalogue_message
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.catalogue.catalogue import catalogue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import CatalogueMessage, S3Message, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Derive the rows of the upload, or of the run, of each message."""
    return handle_each(services(), event, context, _handle)


def _handle(body: S3Message | CatalogueMessage) -> None:
    if about := parse_catalogue_message(body):
        with span("catalogue", upload_id=about.upload):
            catalogue(services(), about)
