"""SQS → finish: state changes of SageMaker jobs, and results of requests to asynchronous endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import is_inference_result, parse_finished_job, parse_inference_result
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.finish.asynchronous import finish_request
from seqdrop.stages.finish.finish import finish

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import InferenceMessage, JobMessage, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Finish the job of each message that reports an end."""
    return handle_each(services(), event, context, _handle)


def _handle(body: JobMessage | InferenceMessage) -> None:
    if is_inference_result(body):
        if result := parse_inference_result(cast("InferenceMessage", body)):
            with span("finish", upload=result.name.upload_id):
                finish_request(services(), result)
    elif name := parse_finished_job(cast("JobMessage", body)):
        with span("finish", job=name):
            finish(services(), name)
