"""What every stage is handed: settings, clients and the ledger. Made once per process, when first used."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

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
    from seqdrop.config.analyses import Analyses


@dataclass(frozen=True)
class Services:
    """The outside world. Tests hand in clients of their own."""

    settings: Settings
    analyses: Analyses
    ledger: Ledger
    s3: Any
    sagemaker: Any
    sqs: Any
    sns: Any

    def send(self, queue: str, body: dict) -> None:
        """Put one message on a queue (by URL)."""
        self.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    def notify(self, subject: str, message: str) -> None:
        """Tell the lab. SNS takes a subject of 100 printable ASCII characters; others become a question mark.

        A mail that SNS will never take is logged and let go: what it says also stands in the ledger.
        """
        plain = re.sub(r"[^ -~]", "?", subject)[:100]
        try:
            self.sns.publish(TopicArn=self.settings.topic, Subject=plain, Message=message)
        except ClientError as error:
            if not is_invalid(error):
                raise
            logger().exception("notification refused", extra={"subject": plain})

    def put_json(self, bucket: str, key: str, content: dict | list) -> None:
        """Write an indented JSON object that a person may open."""
        body = (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return iso(clock.utc_now())


def minutes_ago(minutes: int) -> str:
    return iso(clock.utc_now() - timedelta(minutes=minutes))


def iso(time: datetime) -> str:
    """A time as ledger records hold it: UTC, ISO 8601 with milliseconds, so that texts sort as times do."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def trace_id() -> str:
    """The id of the X-Ray trace that this Lambda's present call is part of; "" elsewhere."""
    parts = dict(part.partition("=")[::2] for part in os.environ.get("_X_AMZN_TRACE_ID", "").split(";"))
    return parts.get("Root", "")


@cache
def services() -> Services:
    """Those of this Lambda."""
    settings = Settings.load()
    table = boto3.resource("dynamodb").Table(settings.table)
    clients = {name: boto3.client(name) for name in ("s3", "sagemaker", "sqs", "sns")}
    protect_existing_copies(clients["s3"])
    return Services(settings, plans.packaged(), Ledger(table, now, trace_id, settings.ledger_days), **clients)
