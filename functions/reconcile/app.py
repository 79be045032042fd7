"""Schedule → reconcile: what an event missed."""

from seqdrop.errors import RetryableError
from seqdrop.runtime.metrics import publish
from seqdrop.runtime.services import services
from seqdrop.stages.reconcile.reconcile import reconcile


def handler(event, context):
    counts = reconcile(services())
    publish("reconcile", counts)
    if counts["errors"]:  # so that it is tried again, and that somebody hears of it
        raise RetryableError(f"{counts['errors']} of its looks failed; the log says which")
    return counts
