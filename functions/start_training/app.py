"""SQS → start_training: complete training sets, and training jobs that wait for capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.start_training.start_training import launch_training, start_training

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import SqsEvent, StartMessage


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Start the job, or the attempt's job, of each message."""
    return handle_each(services(), event, context, _handle)


def _handle(body: StartMessage) -> None:
    with span("start_training", upload_id=body.get("attempt", "").partition("-")[0], job=body.get("job", "")):
        if "job" in body:
            launch_training(services(), body["job"])
        else:
            start_training(services(), body["attempt"])
