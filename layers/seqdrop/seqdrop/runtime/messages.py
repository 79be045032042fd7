"""Bodies of the messages that Seqdrop's queues carry. Their keys are read by other versions: do not rename them."""

from __future__ import annotations

from typing import NotRequired, TypedDict

# -- S3's events, as EventBridge delivers them, and in the older `Records` shape --


class Bucket(TypedDict):
    """The bucket of an event."""

    name: str


EventObject = TypedDict(
    "EventObject",
    {
        "key": str,
        "version-id": NotRequired[str],
        "size": NotRequired[int],
        "etag": NotRequired[str],
        "sequencer": NotRequired[str],
    },
)


class EventDetail(TypedDict):
    """The `detail` of an EventBridge event about an object."""

    bucket: Bucket
    object: EventObject
    reason: NotRequired[str]


class RecordObject(TypedDict):
    """The object of an event in the `Records` shape. Its key is URL-encoded."""

    key: str
    versionId: NotRequired[str]
    size: NotRequired[int]
    eTag: NotRequired[str]
    sequencer: NotRequired[str]


class RecordS3(TypedDict):
    """Bucket and object of an event in the `Records` shape."""

    bucket: Bucket
    object: RecordObject


class S3Record(TypedDict):
    """One event in the `Records` shape."""

    eventSource: NotRequired[str]
    eventName: NotRequired[str]
    s3: RecordS3


# The body of a message in the queue of validate. An EventBridge event has `source`, `detail-type` and `detail`; the
# other shape has `Records`; S3's test message has `Event`.
S3Message = TypedDict(
    "S3Message",
    {"source": str, "detail-type": str, "detail": EventDetail, "Records": list[S3Record], "Event": str},
    total=False,
)

# -- SageMaker's events --

# The body of a message in the queue of finish. Only the job's name and status are read from its detail.
JobMessage = TypedDict("JobMessage", {"source": str, "detail-type": str, "detail": dict[str, str]}, total=False)


class InferenceMessage(TypedDict, total=False):
    """The body of a message in the queue of finish about a request to an asynchronous endpoint.

    SageMaker publishes it to SNS, which delivers it as it is. Only the id and the status are read.
    """

    eventSource: str
    eventName: str
    invocationStatus: str
    inferenceId: str


# -- Seqdrop's own messages --


class UploadMessage(TypedDict):
    """The body of a message in the queues of start_processing and archive: an upload's id.

    start_processing finds the job to start, or makes it, from the ledger.
    """

    upload: str


class ForgetMessage(TypedDict, total=False):
    """The body of a message in the queue of forget. It has one of two keys.

    `upload` is the id of an upload whose copy is an object of its own; `bundle` is the key of a tar in the archive
    bucket.
    """

    upload: str
    bundle: str


class StartMessage(TypedDict, total=False):
    """The body of a message in the queues of start_transform and start_training.

    It has one of two keys. `attempt` is the key of an attempt that waits for a job; `job` is the name of a job to
    start. A message in the queue of start_transform that has neither reports free job slots
    (`make_free_slots_message`).
    """

    attempt: str
    job: str


class RunMessage(TypedDict):
    """The body of a message in the queue of validate that has a run judged: the run's id."""

    run: str


class BundleMessage(TypedDict):
    """The body of a message in the queue of bundle: a run whose small files are gathered, or one of its bundles.

    `bundle` is the run's id, and `plan` that of the bundle to make; without it, bundles are planned.
    """

    bundle: str
    plan: NotRequired[str]


class RestoreMessage(TypedDict):
    """The body of a message in the queue of restore: the id of a request.

    `revision` is that of the request's record when it was sent, if the message continues the look at a job of S3 Batch
    Operations: if the record has another one, a later message does.
    """

    restore: str
    revision: NotRequired[str]


class StackMessage(TypedDict):
    """CloudFormation's request to the custom resource of endpoints, in the queue of serve.

    `since` is the time of the first look, which serve adds if it has to look again.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
    """

    RequestType: str
    ResponseURL: str
    StackId: str
    RequestId: str
    LogicalResourceId: str
    PhysicalResourceId: NotRequired[str]
    since: NotRequired[str]


class OrderMessage(TypedDict):
    """A person's order in the queue of serve: "start" or "stop", for endpoints by name. `by` is the caller's ARN."""

    order: str
    endpoints: list[str]
    by: NotRequired[str]


class AdvanceMessage(TypedDict):
    """An event in the queue of serve, or a message in its place; only its source is read."""

    source: str


class TransferMessage(TypedDict, total=False):
    """The body of a message in the queue of transfer: of a schedule, of a person, or of the end of an execution.

    `transfer` is "start" (an execution, unless one runs) or "look" (at executions that have ended); `all` is true if
    files are copied that were copied before.
    """

    transfer: str
    all: bool


ServeMessage = StackMessage | OrderMessage | AdvanceMessage


def make_advance_message() -> AdvanceMessage:
    """Return the body that has all endpoints looked at, as the scheduled event does."""
    return {"source": "aws.events"}


def make_run_message(run: str) -> RunMessage:
    """Return the body that has the run with this id judged."""
    return {"run": run}


class CatalogueMessage(TypedDict, total=False):
    """The body of a message in the queue of catalogue that no event made. It has one of two keys.

    `upload` is the id of an upload whose rows are derived again; `run_report` is the key of a run.json in the results
    bucket.
    """

    upload: str
    run_report: str


class InventoryMessage(TypedDict):
    """The body of a message in the queue of inventory that continues: the key of the inventory's manifest.checksum."""

    inventory: str


def make_free_slots_message(reporter: str) -> dict[str, str]:
    """Return the body that reports free job slots to start_transform.

    `reporter` is the name of the job that ended, or "reconcile". The key is "room", as in earlier versions.
    """
    return {"room": reporter}


Body = (
    S3Message
    | JobMessage
    | InferenceMessage
    | UploadMessage
    | ForgetMessage
    | StartMessage
    | RunMessage
    | RestoreMessage
    | InventoryMessage
    | CatalogueMessage
    | BundleMessage
    | ServeMessage
    | dict[str, str]
)

# -- the Lambda event of a queue --


class SqsRecord(TypedDict):
    """One message, as Lambda passes it to a function."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: dict[str, str]
    eventSource: NotRequired[str]
    eventSourceARN: str


class SqsEvent(TypedDict):
    """A batch of messages."""

    Records: list[SqsRecord]
