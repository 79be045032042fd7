"""SQS → archive: uploads that may be archived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.runtime.services import archiving_services
from seqdrop.runtime.sqs import handle_each
from seqdrop.stages.archive.archive import archive

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import SqsEvent, UploadMessage


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Archive the upload of each message."""
    return handle_each(archiving_services(), event, context, _handle)


def _handle(body: UploadMessage) -> None:
    archive(archiving_services(), body["upload"])
