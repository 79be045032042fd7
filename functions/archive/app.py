"""SQS → archive: uploads that may be archived."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.deadline import make_deadline
from seqdrop.runtime.services import archiving_services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.archive.archive import archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import SqsEvent, UploadMessage


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Archive the upload of each message."""
    return handle_each(archiving_services(), event, context, partial(_handle, make_deadline(context)))


def _handle(seconds_left: Callable[[], float], body: UploadMessage) -> None:
    with span("archive", upload_id=body["upload"]):
        archive(archiving_services(), body["upload"], seconds_left)
