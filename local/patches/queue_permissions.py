"""The actions that batches of SQS need. IAM has none of their own: a batch needs the action of its single request.

SQS's table of API permissions lists them:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.core import iam_evaluator

if TYPE_CHECKING:
    from ministack.core.iam_evaluator import AuthError, EvalResult

SINGLE = ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
BATCHES = {f"sqs:{action}Batch": f"sqs:{action}" for action in SINGLE}


def apply() -> None:
    """Check the action of the single request for a batch."""
    enforce = iam_evaluator.enforce

    def enforce_single(key_id: str, iam_action: str, *more: object, **named: object) -> AuthError | EvalResult | None:
        return enforce(key_id, BATCHES.get(iam_action, iam_action), *more, **named)

    iam_evaluator.enforce = enforce_single
