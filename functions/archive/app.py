"""SQS → archive: uploads that have all they came for."""

from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import each_message
from seqdrop.stages.archive.archive import archive


def handler(event, context):
    return each_message(services(), event, context, _handle)


def _handle(body):
    archive(services(), body["upload"])
