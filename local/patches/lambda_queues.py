"""Batches of queues as Lambda forms them: up to BatchSize messages, gathered for MaximumBatchingWindowInSeconds.

ministack takes the messages that are ready, at most ten, and ignores the window, so that a run of 96 samples would
become dozens of jobs. It also starts as many workers together as AWS would, and each worker needs a core for one or
two seconds until it is ready. So the workers of a queue are limited to the number of cores, but at least two.
"""

import os
import time

from ministack.services import lambda_svc, sqs

WORKERS = max(2, os.cpu_count() or 1)


def apply() -> None:
    """Replace the way in which ministack's poller takes messages, and limit its batches in flight."""
    count_allowed = lambda_svc._sqs_esm_concurrency

    def limit_concurrency(*arguments: object) -> int:
        return min(count_allowed(*arguments), WORKERS)

    sqs._receive_messages_for_esm = receive
    lambda_svc._sqs_esm_concurrency = limit_concurrency


def receive(queue_url: str, max_number: int) -> list[dict]:
    """Take a batch once it is full or its first message has waited for the window; return an empty list until then."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        ready = [message.get("visible_at", message["sent_at"]) for message in queue["messages"]]
        ready = [since for since in ready if since <= now]
        if len(ready) < max_number and ready and now - min(ready) < _find_window(queue["attributes"]["QueueArn"]):
            return []
        return sqs._collect_msgs(queue, max_number, int(queue["attributes"].get("VisibilityTimeout", "30")))


def _find_window(queue_arn: str) -> float:
    """Return the longest batching window, in seconds, of the functions that read the queue."""
    mappings = (mapping for _, _, mapping in lambda_svc._iter_all_esms() if mapping["EventSourceArn"] == queue_arn)
    return max((mapping.get("MaximumBatchingWindowInSeconds") or 0 for mapping in mappings), default=0)
