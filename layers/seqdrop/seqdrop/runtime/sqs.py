"""Call a stage for the messages of an SQS event. Only messages that failed are delivered again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.exceptions import BotoCoreError, ClientError

from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from seqdrop.runtime.messages import SqsEvent
    from seqdrop.runtime.services import Services

FIRST_RETRY, LAST_RETRY = 30, 900  # seconds

B = TypeVar("B")  # the body of a message


def handle_each(
    services: Services, event: SqsEvent, context: LambdaContext, handle: Callable[[B], None]
) -> PartialItemFailureResponse:
    """Call `handle` with the JSON body of each message; return the ids of the messages for which it raised.

    SQS delivers those messages again.
    """

    def handle_record(record: SQSRecord) -> None:
        try:
            handle(record.json_body)
        except Exception as error:
            logger().exception("message failed", extra={"message_id": record.message_id})
            delay = getattr(error, "wait", 0) or compute_retry_delay(int(record.attributes.approximate_receive_count))
            _shorten_wait(services, record.event_source_arn, record.receipt_handle, delay)
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response({"Records": event["Records"]}, handle_record, processor, context)


def handle_batch(
    services: Services, event: SqsEvent, handle: Callable[[list[B]], list[bool]]
) -> PartialItemFailureResponse:
    """Call `handle` once with all bodies. Return the ids of messages that must be delivered again.

    `handle` returns, for each body, whether its message must be delivered again. If it raises, all messages must.
    """
    records, log = event["Records"], logger()
    try:
        again = handle([json.loads(record["body"]) for record in records])
    except Exception:
        log.exception("batch failed", extra={"messages": len(records)})
        again = [True] * len(records)
    failed = [record for record, has_failed in zip(records, again, strict=True) if has_failed]
    for record in failed:
        delay = compute_retry_delay(int(record["attributes"]["ApproximateReceiveCount"]))
        _shorten_wait(services, record["eventSourceARN"], record["receiptHandle"], delay)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def compute_retry_delay(receives: int) -> int:
    """Return the seconds until a message that was received this often is delivered again: 30, doubling, at most 900."""
    return int(min(FIRST_RETRY * 2 ** (receives - 1), LAST_RETRY))


def _shorten_wait(services: Services, queue_arn: str, receipt_handle: str, delay: int) -> None:
    """Let SQS deliver a failed message again after `delay` seconds.

    Otherwise SQS would wait for the queue's visibility timeout, which is as long as six runs of the function: up to 90
    minutes.
    """
    queue = services.settings.queue(queue_arn.rsplit(":", 1)[1])
    try:
        services.sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=receipt_handle, VisibilityTimeout=delay)
    except (ClientError, BotoCoreError) as error:  # then the message is delivered after the visibility timeout
        logger().warning("could not shorten the wait for the next delivery", extra={"error": str(error)})
