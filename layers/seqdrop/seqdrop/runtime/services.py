"""Settings, clients and the ledger, which every stage receives. A process creates them once, on first use."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws.errors import is_invalid
from seqdrop.aws.s3 import protect_existing_copies
from seqdrop.config.settings import Settings
from seqdrop.kinds import plans
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient

    from seqdrop.config.analyses import Analyses
    from seqdrop.runtime.messages import Body


@dataclass(frozen=True)
class Services:
    """The settings, the analyses, the ledger and the clients of a deployment. Tests pass clients of their own."""

    settings: Settings
    analyses: Analyses
    ledger: Ledger
    s3: S3Client
    sagemaker: SageMakerClient
    sqs: SQSClient
    sns: SNSClient

    def send(self, queue: str, body: Body) -> None:
        """Send one message to a queue (by URL)."""
        self.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    def notify(self, subject: str, message: str) -> None:
        """Send a mail to the lab.

        SNS allows a subject of 100 printable ASCII characters: other characters become question marks, and the rest is
        cut off. A mail that SNS will never accept is logged and dropped; the ledger holds the same information.
        """
        plain = re.sub(r"[^ -~]", "?", subject)[:100]
        try:
            self.sns.publish(TopicArn=self.settings.topic, Subject=plain, Message=message)
        except ClientError as error:
            if not is_invalid(error):
                raise
            # Without the subject, which names a file.
            logger().exception("SNS refused a mail", extra={"characters": len(message)})

    def put_json(self, bucket: str, key: str, content: Mapping[str, object] | Sequence[object]) -> None:
        """Write a JSON object, indented so that a person can read it."""
        body = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


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
    """Return the id of the X-Ray trace of this Lambda's present call; "" elsewhere."""
    parts = dict(part.partition("=")[::2] for part in os.environ.get("_X_AMZN_TRACE_ID", "").split(";"))
    return parts.get("Root", "")


@cache
def services() -> Services:
    """Return the services of this process."""
    settings = Settings.load()
    table = boto3.resource("dynamodb").Table(settings.table)
    s3 = boto3.client("s3")
    protect_existing_copies(s3)
    return Services(
        settings=settings,
        analyses=plans.packaged(),
        ledger=Ledger(table, now, trace_id, settings.ledger_days),
        s3=s3,
        sagemaker=boto3.client("sagemaker"),
        sqs=boto3.client("sqs"),
        sns=boto3.client("sns"),
    )
