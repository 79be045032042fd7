"""SQS → finish: SageMaker's job state changes."""

from seqdrop.runtime.events import finished_job
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import each_message
from seqdrop.stages.finish.finish import finish


def handler(event, context):
    return each_message(services(), event, context, _handle)


def _handle(body):
    if name := finished_job(body):
        finish(services(), name)
