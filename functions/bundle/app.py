"""SQS → bundle: runs whose small files are gathered, and bundles to make."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.services import bundling_services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.bundle.bundle import bundle

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import BundleMessage, SqsEvent

RESERVE = 120_000  # milliseconds for the longest step: a part, or the receipts of a thousand files


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Plan or make the bundles of each message."""
    return handle_each(bundling_services(), event, context, partial(_handle, context))


def _handle(context: LambdaContext, body: BundleMessage) -> None:
    with span("bundle", run_id=body["bundle"]):
        bundle(bundling_services(), body["bundle"], body.get("plan", ""), lambda: _has_time(context))


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > RESERVE
