"""The account of an emulator that questions are put to, and how their answers are compared.

A question is a short script of AWS calls. It makes what it needs under names of its own, and returns its answers
without names, times or ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.testing import unique_name

if TYPE_CHECKING:
    from collections.abc import Callable

BODY = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"


@dataclass
class Account:
    """The clients of one emulator, and what the scripts made in it."""

    client: Callable[[str], Any]
    region: str = "us-east-1"
    account: str = "000000000000"
    buckets: list[str] = field(default_factory=list)

    def bucket(self, versioned: bool = False) -> str:
        name = unique_name("opinion")
        self.client("s3").create_bucket(Bucket=name)
        if versioned:
            self.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.buckets.append(name)
        return name

    def queue(self, **attributes: str) -> tuple[str, str]:
        """Return the URL and the ARN of a new queue."""
        client = self.client("sqs")
        url = client.create_queue(QueueName=unique_name("opinion"), Attributes=attributes)["QueueUrl"]
        return url, client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def table(self) -> str:
        name = unique_name("opinion")
        self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        self.client("dynamodb").get_waiter("table_exists").wait(TableName=name)
        return name


def outcome(call: Callable[..., dict[str, Any]], *members: str, **request: Any) -> Any:
    """Return the HTTP status of a call and the members of its answer, or the code of its error and its status."""
    try:
        answer = call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], {name: answer[name] for name in members if name in answer}
