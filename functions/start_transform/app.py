"""SQS → start_transform: validated attempts that wait for a job. The batch is one unit: it becomes few jobs."""

from seqdrop.messages import bodies
from seqdrop.services import services
from seqdrop.stages.start_transform import start_transform


def handler(event, context):
    start_transform(services(), [body["attempt"] for body in bodies(event)])
