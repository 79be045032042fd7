"""One interface to SageMaker's three kinds of job (create, adopt or refuse, describe, stop), and creation of models.

SageMaker keeps a job's name for ever, and a job is in the ledger before it is created. Therefore creation can be
repeated after a crash: an existing job of that name is adopted if it was created by the same request. Otherwise the
request is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws.errors import (
    is_denied,
    is_invalid,
    is_limit,
    is_taken,
    is_throttle,
    is_unknown_job,
    message_of,
)
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.records import EXAMINE, TRAIN, TRANSFORM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import CreateModelInputTypeDef

DENIED = (
    "IAM does not allow this job: its instance type or its time exceeds what the parameters of the stack allow, or the "
    "role of the function was changed. The person who deploys the stack can raise the parameter (docs/deploy.md)"
)
# SageMaker's final statuses → states of the ledger. With any other status the job is running or stopping.
ENDS = {"Completed": "DONE", "Failed": "FAILED", "Stopped": "STOPPED"}


@dataclass(frozen=True)
class JobType:
    """The names that differ between SageMaker's interfaces to its kinds of job.

    `word`, such as "Transform", is part of the names of operations, members and event types. An existing job was
    created by the same request if the `decisive` members are the same.
    """

    word: str
    decisive: tuple[str, ...]

    @property
    def create(self) -> str:
        """Name of the client's method that creates such a job."""
        return f"create_{self.word.lower()}_job"

    @property
    def describe(self) -> str:
        """Name of the client's method that describes such a job."""
        return f"describe_{self.word.lower()}_job"

    @property
    def stop(self) -> str:
        """Name of the client's method that stops such a job."""
        return f"stop_{self.word.lower()}_job"

    @property
    def name(self) -> str:
        """Member that holds the job's name."""
        return f"{self.word}JobName"

    @property
    def status(self) -> str:
        """Member that holds the job's status."""
        return f"{self.word}JobStatus"

    @property
    def event(self) -> str:
        """The `detail-type` of EventBridge events about such jobs."""
        return f"SageMaker {self.word} Job State Change"


# By the task of a job's ledger record.
JOB_TYPES = {
    TRANSFORM: JobType("Transform", ("ModelName", "TransformInput", "TransformOutput", "Environment")),
    EXAMINE: JobType("Processing", ("RoleArn", "AppSpecification", "ProcessingInputs", "Environment")),
    TRAIN: JobType(
        "Training", ("RoleArn", "HyperParameters", "InputDataConfig", "OutputDataConfig", "CheckpointConfig")
    ),
}


@dataclass(frozen=True)
class Description:
    """SageMaker's description of a job.

    `end` is the ledger's state of a job that has ended, None while it runs; `response` is that of Describe…Job.
    """

    end: str | None
    response: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """Reason for the end of the job: SageMaker's own, or the job's final state."""
        return self.response.get("FailureReason") or f"the job ended as {self.end}"


def create(sagemaker: SageMakerClient, task: str, request: Mapping[str, object]) -> bool:
    """Create a job, or adopt the existing one of its name.

    Return False if SageMaker has no capacity now: send the request again later. Raise JobRefusedError if SageMaker
    will never accept the request, if IAM denies it (the role has conditions on types and hours), or if SageMaker has a
    different job of that name.
    """
    try:
        getattr(sagemaker, JOB_TYPES[task].create)(**request)
    except ClientError as error:
        if is_taken(error):
            return adopt(sagemaker, task, request)
        if is_denied(error) and f"sagemaker:Create{JOB_TYPES[task].word}Job" in message_of(error):
            raise JobRefusedError(DENIED) from error
        return _handle_refusal(error, "job")
    return True


def create_model(sagemaker: SageMakerClient, request: CreateModelInputTypeDef) -> bool:
    """Create a model unless one of its name exists, which is the same: the name has a digest of the request.

    Return False and raise JobRefusedError as `create` does.
    """
    try:
        sagemaker.create_model(**request)
    except ClientError as error:
        return is_taken(error) or _handle_refusal(error, "model")
    return True


def describe(sagemaker: SageMakerClient, task: str, name: str) -> Description:
    """Return the description of a job. Raise ClientError if SageMaker has no job of that name."""
    job = JOB_TYPES[task]
    response = getattr(sagemaker, job.describe)(**{job.name: name})
    return Description(ENDS.get(response[job.status]), response)


def stop(sagemaker: SageMakerClient, task: str, name: str) -> bool:
    """Order SageMaker to stop a job; return False if it has ended, or is being stopped."""
    job = JOB_TYPES[task]
    try:
        getattr(sagemaker, job.stop)(**{job.name: name})
    except ClientError as error:
        if not is_invalid(error):
            raise
        return False
    return True


def exists(sagemaker: SageMakerClient, task: str, name: str) -> bool:
    """Return True if SageMaker has a job of this name."""
    try:
        describe(sagemaker, task, name)
    except ClientError as error:
        if is_unknown_job(error):
            return False
        raise
    return True


def covers(actual: object, expected: object) -> bool:
    """Return True if `actual` has everything in `expected`; the service adds defaults to what was requested."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(covers(actual.get(key), value) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(actual, list) and len(actual) == len(expected) and all(map(covers, actual, expected))
    return actual == expected


def adopt(sagemaker: SageMakerClient, task: str, request: Mapping[str, object]) -> bool:
    """Return True if the existing job of this name was created by the same request.

    Raise JobRefusedError if it was not.
    """
    job = JOB_TYPES[task]
    response = describe(sagemaker, task, str(request[job.name])).response
    for member in job.decisive:
        if not covers(response.get(member), request[member]):
            raise JobRefusedError(f"a job of this name exists with another {member}")
    return True


def _handle_refusal(error: ClientError, what: str) -> bool:
    """Return False if the same request may be accepted later; raise JobRefusedError if it never will be.

    Raise any other error unchanged.
    """
    if is_throttle(error) or is_limit(error):
        return False
    if is_invalid(error):
        raise JobRefusedError(f"SageMaker refused the {what}: {message_of(error)}") from error
    raise error
