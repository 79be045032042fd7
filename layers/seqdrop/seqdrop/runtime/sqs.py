"""Call a stage for the messages of an SQS event. Only messages that failed are delivered again."""

from __future__ import annotations

import json
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from seqdrop.errors import ConfigurationError, RetryableError
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from seqdrop.runtime.messages import SqsEvent, SqsRecord
    from seqdrop.runtime.services import Services

FIRST_RETRY, LAST_RETRY = 30, 900  # seconds

B = TypeVar("B")  # the body of a message


def handle_each(
    services: Services, event: SqsEvent, _context: LambdaContext, handle: Callable[[B], None]
) -> PartialItemFailureResponse:
    """Call `handle` with the JSON body of each message; return the ids of the messages for which it raised.

    SQS delivers those messages again. (Powertools' batch processor does the same, and takes a tenth of a cold start to
    import.)
    """
    failed = []
    for record in event["Records"]:
        try:
            handle(json.loads(record["body"]))
        except Exception as error:  # noqa: BLE001 - it is logged, and SQS delivers the message again
            logger().exception("message failed", extra=_name(record))
            _retry(services, record, getattr(error, "wait", 0))
            failed.append(record)
    return _report(failed)


def handle_parts(parts: list[B], handle: Callable[[B], None]) -> None:
    """Call `handle` with each part of one message, also after a part that failed.

    Raise RetryableError if one of several parts failed, and the error itself if it is the only part. The parts that
    succeeded are then handled again.
    """
    if len(parts) == 1:
        return handle(parts[0])  # its error may say how long to wait
    failed = try_each(parts, handle, lambda _: {}).failed
    if failed:
        raise RetryableError(f"{len(failed)} of {len(parts)} parts of the message failed; the log has the errors")
    return None


def handle_batch(
    services: Services, event: SqsEvent, parse: Callable[[object], B], handle: Callable[[list[B]], list[bool]]
) -> PartialItemFailureResponse:
    """Call `handle` once with all bodies. Return the ids of messages that must be delivered again.

    A message whose body is no JSON, or which `parse` refuses, does not affect the others. `handle` returns, for each
    body, whether its message must be delivered again. If it raises, all messages must.
    """
    parsed = try_each(event["Records"], lambda record: (record, parse(json.loads(record["body"]))), _name)
    records, bodies = [record for record, _ in parsed.results], [body for _, body in parsed.results]
    failed = [*parsed.failed, *compress(records, _handle_all(bodies, handle))]
    for record in failed:
        _retry(services, record)
    return _report(failed)


def _report(failed: list[SqsRecord]) -> PartialItemFailureResponse:
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _name(record: SqsRecord) -> dict[str, str]:
    return {"message_id": record["messageId"]}


def _handle_all(bodies: list[B], handle: Callable[[list[B]], list[bool]]) -> list[bool]:
    log = logger()
    try:
        return handle(bodies) if bodies else []
    except Exception:
        log.exception("batch failed", extra={"messages": len(bodies)})
        return [True] * len(bodies)


def compute_retry_delay(receives: int) -> int:
    """Return the seconds until a message that was received this often is delivered again: 30, doubling, at most 900."""
    return int(min(FIRST_RETRY * 2 ** (receives - 1), LAST_RETRY))


def _retry(services: Services, record: SqsRecord, wait: int = 0) -> None:
    """Let SQS deliver a failed message again after `wait` seconds, or by default after those of its receive count.

    Otherwise SQS would wait for the queue's visibility timeout, which is as long as six runs of the function: up to 90
    minutes.
    """
    delay = wait or compute_retry_delay(int(record["attributes"]["ApproximateReceiveCount"]))
    try:
        queue = services.settings.queue(record["eventSourceARN"].rsplit(":", 1)[1])
        services.sqs.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=delay
        )
    except (ClientError, BotoCoreError, ConfigurationError) as error:
        # Then the message is delivered after the visibility timeout.
        logger().warning("could not shorten the wait for the next delivery", extra={"error": str(error)})
