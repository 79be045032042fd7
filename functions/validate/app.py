"""SQS → validate: object-created events of the landing bucket."""

from seqdrop.events import landed_versions
from seqdrop.messages import each_message
from seqdrop.services import services
from seqdrop.stages.validate import validate


def handler(event, context):
    return each_message(services(), event, context, _handle)


def _handle(body):
    for version in landed_versions(body):
        validate(services(), version)
