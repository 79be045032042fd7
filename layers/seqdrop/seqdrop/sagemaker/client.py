"""SageMaker's three kinds of job through one interface: create, adopt or refuse, describe; and the models they need.

SageMaker keeps a job's name for ever, and a job is on record in the ledger before it is created. So whoever creates one
may do it again after a crash: a job of that name that was asked for the same is adopted, any other is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_invalid, is_limit, is_taken, is_throttle, message_of
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.records import EXAMINE, TRAIN, TRANSFORM

# SageMaker's status of a job that has ended → the ledger's state. Any other status means that it runs, or is stopping.
ENDS = {"Completed": "DONE", "Failed": "FAILED", "Stopped": "STOPPED"}


@dataclass(frozen=True)
class JobType:
    """How SageMaker's interface differs between kinds of job.

    `word` is part of the names of operations, of members of requests, answers and events, and of events' types.
    `decisive` are the members of a request by which two jobs of one name are told apart.
    """

    word: str
    decisive: tuple[str, ...]

    @property
    def create(self) -> str:
        """Name of the client's method."""
        return f"create_{self.word.lower()}_job"

    @property
    def describe(self) -> str:
        """Name of the client's method."""
        return f"describe_{self.word.lower()}_job"

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
        """The `detail-type` of EventBridge's events on such jobs."""
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
    """What SageMaker says of a job: `end` is the ledger's state of one that has ended, None while it runs.

    `answer` is the whole of Describe…Job's answer.
    """

    end: str | None
    answer: dict

    @property
    def reason(self) -> str:
        """Why it ended so, in SageMaker's words if it has any."""
        return self.answer.get("FailureReason") or f"the job ended as {self.end}"


def create(sagemaker, task: str, request: dict) -> bool:
    """Create a job, or adopt the one of its name. Return False if there is no room now: send the request again later.

    Raise JobRefusedError if SageMaker will never take the request, or has another job of that name.
    """
    try:
        getattr(sagemaker, JOB_TYPES[task].create)(**request)
    except ClientError as error:
        if is_taken(error):
            return _adopt(sagemaker, task, request)
        return _declined(error, "job")
    return True


def create_model(sagemaker, request: dict) -> bool:
    """Create a model unless it is there: its name is a digest of the request. Return False and raise as `create`."""
    try:
        sagemaker.create_model(**request)
    except ClientError as error:
        return is_taken(error) or _declined(error, "model")
    return True


def describe(sagemaker, task: str, name: str) -> Description:
    """Ask SageMaker for a job that it has. Raise ClientError if it has none of that name."""
    job = JOB_TYPES[task]
    answer = getattr(sagemaker, job.describe)(**{job.name: name})
    return Description(ENDS.get(answer[job.status]), answer)


def covers(seen, wanted) -> bool:
    """Return True if all that is wanted is there; the service fills in defaults beside it."""
    if isinstance(wanted, dict):
        return isinstance(seen, dict) and all(covers(seen.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(seen, list) and len(seen) == len(wanted) and all(map(covers, seen, wanted))
    return seen == wanted


def _adopt(sagemaker, task: str, request: dict) -> bool:
    """Return True if the job of this name was asked for the same; raise JobRefusedError if not: a person must look."""
    job = JOB_TYPES[task]
    answer = describe(sagemaker, task, request[job.name]).answer
    for member in job.decisive:
        if not covers(answer.get(member), request[member]):
            raise JobRefusedError(f"a job of this name exists with another {member}")
    return True


def _declined(error: ClientError, what: str) -> bool:
    """Return False if the same request may be taken later, raise JobRefusedError if never; else raise the
    error itself.
    """
    if is_throttle(error) or is_limit(error):
        return False
    if is_invalid(error):
        raise JobRefusedError(f"SageMaker refused the {what}: {message_of(error)}") from error
    raise error
