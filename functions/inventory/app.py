"""SQS → inventory: lists of the archive bucket that S3 has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_inventory_message
from seqdrop.runtime.metrics import publish
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.inventory.reconciliation import reconcile_inventory

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import InventoryMessage, S3Message, SqsEvent

LAST_PORTION_MS = 420_000  # what a portion of the ledger, the inventory and its report may take


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Reconcile the inventory of each message; send a message to this function's queue if there is too much for now."""

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > LAST_PORTION_MS

    def handle(body: S3Message | InventoryMessage) -> None:
        if not (key := parse_inventory_message(body)):
            return
        with span("inventory"):
            counts = reconcile_inventory(services(), key, has_time)
        if counts is None:
            services().send(services().settings.inventory_queue, {"inventory": key})
        elif counts:
            publish(services().settings.stack, "inventory", counts)

    return handle_each(services(), event, context, handle)
