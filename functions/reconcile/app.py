"""Schedule → reconcile: what an event missed."""

from seqdrop.metrics import publish
from seqdrop.services import services
from seqdrop.stages.reconcile import reconcile


def handler(event, context):
    counts = reconcile(services())
    publish("reconcile", counts)
    return counts
