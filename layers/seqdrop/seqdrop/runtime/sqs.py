"""From an SQS event to calls of a stage, with partial failure: only messages that failed come back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.exceptions import BotoCoreError, ClientError

from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.runtime.services import Services

FIRST_RETRY, LAST_RETRY = 30, 900  # seconds


def each_message(services: Services, event: dict, context, handle: Callable[[dict], None]) -> dict:
    """Call `handle` with each message's JSON body; answers the message ids that must be delivered again."""

    def one(record) -> None:
        try:
            handle(record.json_body)
        except Exception:
            logger().exception("message failed", extra={"message_id": record.message_id})
            _retry_soon(services, record.raw_event)
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, one, processor, context)


def whole_batch(services: Services, event: dict, handle: Callable[[list[dict]], list[bool]]) -> dict:
    """Call `handle` once with all bodies. It answers, for each, whether it must come again; all do if it raises."""
    records = event["Records"]
    try:
        again = handle([json.loads(record["body"]) for record in records])
    except Exception:
        logger().exception("batch failed", extra={"messages": len(records)})
        again = [True] * len(records)
    failed = [record for record, comes_again in zip(records, again, strict=True) if comes_again]
    for record in failed:
        _retry_soon(services, record)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def retry_delay(receives: int) -> int:
    """Seconds until a message that was received so often comes again: 30, doubling, 900 at the most."""
    return min(FIRST_RETRY * 2 ** (receives - 1), LAST_RETRY)


def _retry_soon(services: Services, record: dict) -> None:
    """A queue's visibility timeout must outlast six runs of a function, over an hour; an error need not wait for it."""
    queue = services.settings.queue(record["eventSourceARN"].rsplit(":", 1)[1])
    delay = retry_delay(int(record["attributes"]["ApproximateReceiveCount"]))
    try:
        services.sqs.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=delay
        )
    except (ClientError, BotoCoreError) as error:  # then it comes after the visibility timeout
        logger().warning("could not shorten the wait", extra={"error": str(error)})
