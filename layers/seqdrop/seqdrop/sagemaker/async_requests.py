"""Requests to an asynchronous endpoint, one for each shard of an attempt, and the ids by which results are recognised.

SageMaker queues a request, writes the response below the endpoint's S3OutputPath, and publishes a message. The API
reference of InvokeEndpointAsync has the bounds: 64 characters of an InferenceId, 32 of a Filename, and no spaces in
either; so names of files and of runs do not fit, and an upload is named by its id.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.work.items import shard_key

if TYPE_CHECKING:
    from seqdrop.config.settings import Settings
    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.sagemaker.served_models import ServedModel

JSON_LINES = "application/jsonlines"
QUEUE_SECONDS = 3600  # after which a request that no instance has begun expires; it then gets a transform job
PREDICT_SECONDS = 900  # for one request, as in a transform job
DIGITS = 24  # of the digest in an inference id


@dataclass(frozen=True)
class Order:
    """What an asynchronous job sends, and to what; its record in the ledger stores it as `request`."""

    endpoint: str
    configuration: str
    """Name of the endpoint's configuration when the job was planned."""
    instance_type: str
    pointer: str
    """ETag of the model's pointer when the job was planned."""
    invocations: list[dict[str, Any]] = field(default_factory=list)
    """The requests of InvokeEndpointAsync, by number of the shard."""

    def as_json(self) -> str:
        """Return the text that the job's record stores."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def of(cls, job: Job) -> Order:
        """Return the order of an asynchronous job."""
        return cls(**json.loads(job.request))


def make_order(settings: Settings, served: ServedModel, pointer: str, job: str, attempt: Attempt) -> Order:
    """Return the order of the job with this name: a request for each shard of the attempt."""
    invocations = [_invocation(settings, served.endpoint, job, attempt, number) for number in range(attempt.shards)]
    return Order(served.endpoint, served.configuration, served.instance_type, pointer, invocations)


def _invocation(settings: Settings, endpoint: str, job: str, attempt: Attempt, number: int) -> dict[str, Any]:
    """Return the request for one shard. A repeated request replaces its output by the same bytes."""
    folder, name = posixpath.split(keys.async_output(job, number).removeprefix(keys.ASYNC_OUTPUTS))
    return {
        "EndpointName": endpoint,
        "ContentType": JSON_LINES,
        "Accept": JSON_LINES,
        "InferenceId": inference_id(attempt, number),
        "InputLocation": f"s3://{settings.work}/{shard_key(attempt, number)}",
        "S3OutputPathExtension": folder,
        "Filename": name,
        "RequestTTLSeconds": QUEUE_SECONDS,
        "InvocationTimeoutSeconds": PREDICT_SECONDS,
    }


@dataclass(frozen=True)
class InferenceName:
    """The parts of an inference id: upload, digest of the attempt's key, number of the shard."""

    upload_id: str
    digest: str
    number: int

    def names(self, attempt: Attempt) -> bool:
        """Return True if the id is of a request of this attempt."""
        return self.digest == _digest(attempt)

    def __str__(self) -> str:
        """Return the inference id."""
        return f"{self.upload_id}-{self.digest}-{self.number:05d}"

    @classmethod
    def parse(cls, text: str) -> InferenceName | None:
        """Return the parts of an id; None if `inference_id` did not make it: another client may use the endpoint."""
        upload_id, _, rest = text.partition("-")
        digest, _, number = rest.partition("-")
        if len(digest) != DIGITS or not number.isdecimal():
            return None
        return cls(upload_id, digest, int(number))


def inference_id(attempt: Attempt, number: int) -> str:
    """Return `<upload id>-<digest of the attempt's key>-<number of the shard>`, at most 64 characters."""
    return str(InferenceName(attempt.upload_id, _digest(attempt), number))


def _digest(attempt: Attempt) -> str:
    return hashlib.sha256(attempt.key.encode()).hexdigest()[:DIGITS]
