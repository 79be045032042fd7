"""SQS → validate: object-created events of the landing bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.runtime.events import parse_landed_versions, split_landed_message
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each, handle_parts
from seqdrop.stages.validate.validate import validate

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import S3Message, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Validate every object version that the messages announce."""
    return handle_each(services(), event, context, _handle)


def _handle(body: S3Message) -> None:
    handle_parts(split_landed_message(body), _validate)


def _validate(body: S3Message) -> None:
    for version in parse_landed_versions(body):
        validate(services(), version)
