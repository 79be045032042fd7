"""SQS → workflow: attempts and jobs of workflows to be started, and status changes of runs in HealthOmics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.runtime.events import parse_workflow_message
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import handle_each
from seqdrop.runtime.tracing import span
from seqdrop.stages.workflow.workflow import workflow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from seqdrop.runtime.messages import SqsEvent, WorkflowMessage


def handler(event: SqsEvent, context: LambdaContext) -> PartialItemFailureResponse:
    """Start the workflow, or record its end, for each message."""
    return handle_each(services(), event, context, _handle)


def _handle(body: WorkflowMessage) -> None:
    about, name = parse_workflow_message(body)
    with span("workflow", **{about: name}):
        workflow(services(), name, about)
