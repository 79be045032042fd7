"""Schedule → reconcile: work whose event was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import seqdrop.runtime.startup  # noqa: F401 - before the others: it pauses the garbage collector
from seqdrop.errors import RetryableError
from seqdrop.runtime.events import is_first_of_hour
from seqdrop.runtime.metrics import publish
from seqdrop.runtime.services import services
from seqdrop.runtime.tracing import span
from seqdrop.stages.reconcile.reconcile import reconcile, select_published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: Mapping[str, object], _context: LambdaContext) -> dict[str, float]:
    """Run the checks of the reconciler that are due, and publish and return its counts.

    Raise RetryableError if a check failed: Lambda then runs the function again, and its error alarm is raised.
    """
    with span("reconcile"):
        counts = reconcile(services(), is_housekeeping=is_first_of_hour(event))
    publish(services().settings.stack, "reconcile", select_published(counts))
    if counts["errors"]:
        raise RetryableError(f"{counts['errors']:g} checks of the reconciler failed; the log names them")
    return counts
