"""Events of files in the landing bucket, as Lambda passes them to the function validate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_missing
from seqdrop.runtime.events import make_landed_message
from seqdrop.uploads import UploadVersion, make_sequencer

from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectRequestTypeDef
    from seqdrop.runtime.messages import SqsEvent


def find_version(s3: S3Client, bucket: str, key: str, version_id: str | None = None) -> UploadVersion:
    """Return a version of an object, the current one by default. Raise CommandError if it does not exist."""
    request: HeadObjectRequestTypeDef = {"Bucket": bucket, "Key": key}
    if version_id:
        request["VersionId"] = version_id
    try:
        head = s3.head_object(**request)
    except ClientError as error:
        if not is_missing(error):
            raise
        raise CommandError(f"the landing bucket {bucket} has no file {key}; `seqdrop status` lists the keys") from error
    sequencer = make_sequencer(head["LastModified"])
    etag = head["ETag"].strip('"')
    return UploadVersion(bucket, key, head.get("VersionId", "null"), head["ContentLength"], etag, sequencer)


def queue_arn(url: str, region: str, partition: str) -> str:
    """Return the ARN of a queue. `url` ends in /account/name."""
    account, name = url.rsplit("/", 2)[1:]
    return f"arn:{partition}:sqs:{region}:{account}:{name}"


def make_event(version: UploadVersion, arn: str) -> SqsEvent:
    """Return the event that reports a version as landed, as a message of the queue with this ARN."""
    return {
        "Records": [
            {
                "messageId": f"seqdrop-event-{version.id}",
                "receiptHandle": "none",  # no message lies in the queue
                "body": json.dumps(make_landed_message(version)),
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
            }
        ]
    }
