"""SQS → finish: SageMaker's job state changes."""

from seqdrop.events import finished_job
from seqdrop.messages import each_message
from seqdrop.services import services
from seqdrop.stages.finish import finish


def handler(event, context):
    return each_message(services(), event, context, _handle)


def _handle(body):
    if name := finished_job(body):
        finish(services(), name)
