"""Schedule → reconcile: records that have stood too long."""

from seqdrop.services import services
from seqdrop.stages.reconcile import reconcile


def handler(event, context):
    return reconcile(services())
