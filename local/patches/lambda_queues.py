"""Lambda's way with queues: batches of up to BatchSize messages, gathered over MaximumBatchingWindowInSeconds.

ministack takes what is there, ten messages at the most, and forgets the window: a run of 96 samples would become
dozens of jobs. And it starts as many workers as AWS would, at once, each of which takes a core for a second or two
until it is ready: on this machine no more than it has cores serve a queue.
"""

import os
import time

from ministack.services import lambda_svc, sqs

WORKERS = max(2, os.cpu_count() or 1)


def apply() -> None:
    """Give ministack's poller our way to take messages, and our bound on the batches that it has under way."""
    allowed = lambda_svc._sqs_esm_concurrency

    def concurrency(*arguments) -> int:
        return min(allowed(*arguments), WORKERS)

    sqs._receive_messages_for_esm = receive
    lambda_svc._sqs_esm_concurrency = concurrency


def receive(queue_url: str, most: int) -> list[dict]:
    """A batch, once it is full or its first message has waited for the window; empty until then."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        ready = [message.get("visible_at", message["sent_at"]) for message in queue["messages"]]
        ready = [since for since in ready if since <= now]
        if len(ready) < most and ready and now - min(ready) < _window(queue["attributes"]["QueueArn"]):
            return []
        return sqs._collect_msgs(queue, most, int(queue["attributes"].get("VisibilityTimeout", "30")))


def _window(queue_arn: str) -> float:
    """The longest that a function which reads the queue wants to wait for more."""
    mappings = (mapping for _, _, mapping in lambda_svc._iter_all_esms() if mapping["EventSourceArn"] == queue_arn)
    return max((mapping.get("MaximumBatchingWindowInSeconds") or 0 for mapping in mappings), default=0)
