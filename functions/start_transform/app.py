"""SQS → start_transform: attempts that wait for a job, jobs to be started, and reports of free job slots.

The batch is one unit: attempts of one batch share jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_start_message
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_batch
from seqdrop.runtime.tracing import span
from seqdrop.stages.start_transform.start_transform import start_transform

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import SqsEvent, StartMessage


def handler(event: SqsEvent, _context: LambdaContext) -> PartialItemFailureResponse:
    """Start the jobs and attempts of all messages, and those that wait for a job slot."""
    return handle_batch(services(), event, parse_start_message, _handle)


def _handle(bodies: list[StartMessage]) -> list[bool]:
    jobs = [body["job"] for body in bodies if "job" in body]
    attempts = [body["attempt"] for body in bodies if "attempt" in body]
    with span("start_transform", attempts=len(attempts), jobs=len(jobs)):
        again = start_transform(services(), attempts, jobs)
    return [body.get("job", body.get("attempt")) in again for body in bodies]
