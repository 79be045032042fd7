"""SQS → start_training: trainings whose files are complete, and jobs that wait for room."""

from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import each_message
from seqdrop.stages.start_training.start_training import launch_training, start_training


def handler(event, context):
    return each_message(services(), event, context, _handle)


def _handle(body):
    if "job" in body:
        launch_training(services(), body["job"])
    else:
        start_training(services(), body["attempt"])
