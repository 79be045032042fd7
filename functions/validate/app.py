"""SQS → validate: object-created events of the landing bucket."""

from seqdrop.runtime.events import landed_versions
from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import each_message
from seqdrop.stages.validate.validate import validate


def handler(event, context):
    return each_message(services(), event, context, _handle)


def _handle(body):
    for version in landed_versions(body):
        validate(services(), version)
