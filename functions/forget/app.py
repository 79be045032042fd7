"""SQS → forget: archived copies whose deletion is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.forget.forget import forget, forget_bundle

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import ForgetMessage, SqsEvent


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Delete the copy of the upload, or of the bundle, of each message."""
    return handle_each(services(), event, context, _handle)


def _handle(body: ForgetMessage) -> None:
    with span("forget", upload_id=body.get("upload", ""), bundle_id=body.get("bundle", "")):
        if "bundle" in body:
            forget_bundle(services(), body["bundle"])
        else:
            forget(services(), body["upload"])
