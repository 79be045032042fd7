"""SQS → start_transform: attempts that wait for a job, jobs that wait to be started, and news of room for others.

The batch is one unit.
"""

from seqdrop.runtime.services import services
from seqdrop.runtime.sqs import whole_batch
from seqdrop.stages.start_transform.start_transform import start_transform


def handler(event, context):
    return whole_batch(services(), event, _handle)


def _handle(bodies):
    jobs = [body["job"] for body in bodies if "job" in body]
    attempts = [body["attempt"] for body in bodies if "attempt" in body]
    again = start_transform(services(), attempts, jobs)
    return [body.get("job", body.get("attempt")) in again for body in bodies]
