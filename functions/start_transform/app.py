"""SQS → start_transform: validated attempts that wait for a job. The batch is one unit: it becomes few jobs."""

from seqdrop.messages import whole_batch
from seqdrop.services import services
from seqdrop.stages.start_transform import start_transform


def handler(event, context):
    return whole_batch(services(), event, _handle)


def _handle(bodies):
    start_transform(services(), [body["attempt"] for body in bodies])
