"""The settings, the clients and the ledger that every stage receives. A process creates them once, on first use."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, TypedDict, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws.errors import is_invalid, is_missing
from seqdrop.aws.s3 import protect_existing_copies
from seqdrop.config.settings import Settings
from seqdrop.errors import RetryableError
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.clients import Deferred, use_quick_loader
from seqdrop.runtime.log import logger
from seqdrop.runtime.startup import end_startup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Unpack

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef, SendMessageRequestTypeDef

    from seqdrop.aws.autoscaling import AutoScalingClient
    from seqdrop.aws.batch_operations import BatchClient
    from seqdrop.aws.cloudwatch import CloudWatchClient
    from seqdrop.aws.datasync import DataSyncClient
    from seqdrop.aws.event_bus import EventsClient
    from seqdrop.aws.feature_store import FeatureStoreClient
    from seqdrop.aws.omics import OmicsClient
    from seqdrop.aws.secrets import SecretsClient
    from seqdrop.aws.signing import KmsClient
    from seqdrop.config.analyses import Analyses
    from seqdrop.runtime.messages import Body
    from seqdrop.sagemaker.runtime_client import RuntimeClient

T = TypeVar("T")

SQS_BATCH = 10  # messages that SQS accepts in one request

# S3 responds to a copy when the bytes are copied, which for 5 GB may take longer than the 60 seconds for which botocore
# waits by default. If the client disconnects, S3 may cancel the copy, so it would never end. Both tries must fit in the
# 900 seconds of the function: 2 × (5 + 420) seconds and a pause of at most one. The second try of a copy that ended
# after all fails with 412, or with 409 if it is in progress, and the archive stage then looks for the copy. Keep-alive
# packets prevent a NAT gateway from dropping the silent connection.
COPYING = Config(
    connect_timeout=5,
    read_timeout=420,
    tcp_keepalive=True,
    retries={"mode": "standard", "total_max_attempts": 2},
)


# Ten files are read, and a part is sent, at the same time. The bytes that are sent have a CRC32, and those that are
# read are compared with a SHA-256; botocore would compute both again.
BUNDLING = Config(
    max_pool_connections=12,
    retries={"mode": "standard", "total_max_attempts": 4},
    response_checksum_validation="when_required",
    s3={"payload_signing_enabled": False},
)


class PutCondition(TypedDict, total=False):
    """The condition under which S3 writes an object: that its ETag is this one, or ("*") that there is none."""

    IfMatch: str
    IfNoneMatch: str


@dataclass(frozen=True)
class Services:
    """The settings, the analyses, the ledger and the clients of a deployment. Tests pass clients of their own.

    `s3_for_copies` is the client of the archive function for its copies. Other functions have none. `kms` is the client
    of the reconciler if it signs the head of the receipts. `sagemaker_runtime` sends requests to endpoints;
    `cloudwatch` and `autoscaling` have their alarms and their scaling. `feature_store` has the records of features,
    `datasync` copies runs into the landing bucket, `omics` runs workflows, `events` sends events, and `secrets` has the
    secret of webhooks.
    """

    settings: Settings
    analyses: Analyses
    ledger: Ledger
    s3: S3Client
    sagemaker: SageMakerClient
    sqs: SQSClient
    sns: SNSClient
    s3_for_copies: S3Client | None = None
    kms: KmsClient | None = None
    sagemaker_runtime: RuntimeClient = field(default_factory=lambda: _defer(partial(boto3.client, "sagemaker-runtime")))
    cloudwatch: CloudWatchClient = field(default_factory=lambda: _defer(partial(boto3.client, "cloudwatch")))
    autoscaling: AutoScalingClient = field(
        default_factory=lambda: _defer(partial(boto3.client, "application-autoscaling"))
    )
    feature_store: FeatureStoreClient = field(
        default_factory=lambda: _defer(partial(boto3.client, "sagemaker-featurestore-runtime"))
    )
    datasync: DataSyncClient = field(default_factory=lambda: _defer(partial(boto3.client, "datasync")))
    omics: OmicsClient = field(default_factory=lambda: _defer(_make_omics))
    events: EventsClient = field(default_factory=lambda: _defer(partial(boto3.client, "events")))
    secrets: SecretsClient = field(default_factory=lambda: _defer(partial(boto3.client, "secretsmanager")))

    @property
    def batch(self) -> BatchClient:
        """The client of S3 Batch Operations."""
        return batch_client()

    @property
    def copier(self) -> S3Client:
        """The client that makes copies."""
        return self.s3_for_copies or self.s3

    def send(self, queue: str, body: Body, delay: int = 0) -> None:
        """Send one message to a queue, to be delivered after `delay` seconds (at most 900). `queue` is its URL."""
        later: SendMessageRequestTypeDef = {"QueueUrl": queue, "MessageBody": json.dumps(body), "DelaySeconds": delay}
        if not delay:
            del later["DelaySeconds"]
        self.sqs.send_message(**later)

    def send_all(self, messages: Sequence[tuple[str, Body]]) -> None:
        """Send messages, each with the URL of its queue, ten with a request. They arrive in any order.

        Raise RetryableError if SQS did not accept all of them. Those that it accepted are not taken back.
        """
        queues = {queue for queue, _ in messages}
        for queue in sorted(queues):
            bodies = [body for other, body in messages if other == queue]
            for start in range(0, len(bodies), SQS_BATCH):
                self._send_batch(queue, bodies[start : start + SQS_BATCH])

    def _send_batch(self, queue: str, bodies: Sequence[Body]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(bodies)
        ]
        response = self.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        if failed := response.get("Failed"):
            raise RetryableError(f"SQS did not accept {len(failed)} of {len(bodies)} messages: {failed[0]['Code']}")

    def notify(self, subject: str, message: str) -> None:
        """Send a mail to the lab.

        SNS allows at most 100 printable ASCII characters in a subject. Other characters are replaced by question marks,
        and a longer subject is cut off. A mail that SNS will never accept is logged and dropped; the ledger holds the
        same information.
        """
        plain = re.sub(r"[^ -~]", "?", subject)[:100]
        try:
            self.sns.publish(TopicArn=self.settings.topic, Subject=plain, Message=message)
        except ClientError as error:
            if not is_invalid(error):
                raise
            # Without the subject, which names a file.
            logger().exception("SNS refused a mail", extra={"characters": len(message)})

    def find_bytes(self, bucket: str, key: str) -> bytes | None:
        """Return an object's bytes; None if there is none."""
        try:
            return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def put_json(
        self,
        bucket: str,
        key: str,
        content: Mapping[str, object] | Sequence[object],
        **condition: Unpack[PutCondition],
    ) -> None:
        """Write a JSON object, indented so that a person can read it."""
        self.put_bytes(bucket, key, format_json(content), **condition)

    def put_bytes(self, bucket: str, key: str, body: bytes, **condition: Unpack[PutCondition]) -> str:
        """Write JSON that was formatted before; return the version id, "" in a bucket without versions."""
        response = self.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **condition)
        return response.get("VersionId", "")


def format_json(content: Mapping[str, object] | Sequence[object]) -> bytes:
    """Return JSON, indented so that a person can read it."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def now() -> str:
    """Return the time in UTC, ISO 8601 with milliseconds."""
    return iso(clock.utc_now())


def minutes_ago(minutes: int) -> str:
    """Return the time this many minutes ago, in the format of `now`."""
    return iso(clock.utc_now() - timedelta(minutes=minutes))


def iso(time: datetime) -> str:
    """Format a UTC time for ledger records: ISO 8601 with milliseconds, so that texts sort as times do."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def trace_id() -> str:
    """Return the id of the X-Ray trace of the current call of this Lambda; "" outside a Lambda."""
    parts = dict(part.partition("=")[::2] for part in os.environ.get("_X_AMZN_TRACE_ID", "").split(";"))
    return parts.get("Root", "")


@cache
def services() -> Services:
    """Return the services of this process."""
    settings = Settings.load()
    use_quick_loader()
    table = boto3.resource("dynamodb").Table(settings.table)
    own = Services(
        settings=settings,
        analyses=_defer(_read_analyses),
        ledger=Ledger(table, now, trace_id, settings.ledger_days),
        s3=_defer(_make_s3),
        sagemaker=_defer(partial(boto3.client, "sagemaker")),
        sqs=_defer(partial(boto3.client, "sqs")),
        sns=_defer(partial(boto3.client, "sns")),
        kms=_defer(partial(boto3.client, "kms")) if settings.signing_key else None,
    )
    end_startup()
    return own


def _read_analyses() -> Analyses:
    """Return the analyses of this deployment. Some functions need neither them nor the kinds, 50 ms to import."""
    from seqdrop.kinds.plans import packaged

    return packaged()


def _make_omics() -> OmicsClient:
    """Return a client for HealthOmics. Its module is imported only by who uses it."""
    from seqdrop.aws.omics import make_client

    return make_client()


def _make_s3(config: Config | None = None) -> S3Client:
    """Return a client whose copies never replace an object."""
    client = boto3.client("s3", config=config)
    protect_existing_copies(client)
    return client


def _defer(make: Callable[[], T]) -> T:
    """Return an object that is made when it is first used. To its users it has the type of that object."""
    return cast("T", Deferred(make))


@cache
def batch_client() -> BatchClient:
    """Return this process's client of S3 Batch Operations."""
    client: BatchClient = boto3.client("s3control")
    return client


@cache
def archiving_services() -> Services:
    """Return the services of this process with a client that waits long enough for a copy."""
    return replace(services(), s3_for_copies=_defer(partial(_make_s3, COPYING)))


@cache
def bundling_services() -> Services:
    """Return the services of this process with a client for many small requests at a time, and parts of 8 MB."""
    return replace(services(), s3=_defer(partial(boto3.client, "s3", config=BUNDLING)))
