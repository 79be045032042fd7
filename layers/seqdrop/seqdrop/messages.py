"""From an SQS event to calls of a stage, with partial failure: only messages that failed come back."""

from __future__ import annotations

import json
from collections.abc import Callable

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from seqdrop.log import logger


def each_message(event: dict, context, handle: Callable[[dict], None]) -> dict:
    """Call `handle` with each message's JSON body; answers the message ids that must be delivered again."""

    def one(record) -> None:
        try:
            handle(record.json_body)
        except Exception:
            logger().exception("message failed", extra={"message_id": record.message_id})
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, one, processor, context)


def bodies(event: dict) -> list[dict]:
    """The JSON bodies of a batch that is handled as one."""
    return [json.loads(record["body"]) for record in event["Records"]]
