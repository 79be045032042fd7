"""How long the current invocation of a Lambda function still has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext


def make_deadline(context: LambdaContext) -> Callable[[], float]:
    """Return a function that returns the seconds until Lambda ends the invocation of this context."""
    return lambda: context.get_remaining_time_in_millis() / 1000
