"""SQS → validate: object-created events of the landing bucket, and runs to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_landed_versions, split_landed_message
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each, handle_parts
from seqdrop.runtime.tracing import span
from seqdrop.stages.runs.run import advance_run
from seqdrop.stages.validate.validate import validate

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import RunMessage, S3Message, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Validate every object version that the messages announce, and judge every run that they name."""
    return handle_each(services(), event, context, _handle)


def _handle(body: S3Message | RunMessage) -> None:
    if "run" in body:
        run = cast("RunMessage", body)["run"]
        with span("judge_run", run_id=run):
            return advance_run(services(), run)
    return handle_parts(split_landed_message(body), _validate)


def _validate(body: S3Message) -> None:
    for version in parse_landed_versions(body):
        with span("validate", upload_id=version.id):
            validate(services(), version)
