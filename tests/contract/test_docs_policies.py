"""The IAM policies of docs/who-may-drop.md allow what the page says, and no more, under IAM and a key policy."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from boto3.s3.transfer import TransferConfig

from local.testing import assume_role, expect_error, make_bucket, make_role
from tests.unit.docs.test_quotes import read_policies

if TYPE_CHECKING:
    from local.embedded import EmbeddedAws

pytest_plugins = ["local.fixtures"]
PART = 5 << 20  # bytes; S3 takes no smaller part


@pytest.fixture(scope="module")
def stack(aws) -> dict[str, str]:
    """Return the value of each placeholder: two buckets under a key of their own."""
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    buckets = {name: make_bucket(aws, versioned=True) for name in ("LANDING-BUCKET", "RESULTS-BUCKET")}
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"BucketKeyEnabled": True, "ApplyServerSideEncryptionByDefault": encryption}
    for bucket in buckets.values():
        configuration = {"Rules": [rule]}
        aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration)
    return {**buckets, "KEY-ARN": key, "REGION": aws.region, "ACCOUNT": aws.account}


def client(aws: EmbeddedAws, stack: dict[str, str], statements: list[dict]):
    """Return S3 as a role with these statements, their placeholders replaced, sees it."""
    text = json.dumps(statements)
    for placeholder, value in stack.items():
        text = text.replace(placeholder, value)
    session = assume_role(aws, make_role(aws, *json.loads(text)))
    return session.client("s3", endpoint_url=aws.endpoint)


@pytest.fixture
def dropper(aws, stack):
    return client(aws, stack, read_policies()[0]["Statement"])


@pytest.fixture
def reader(aws, stack):
    return client(aws, stack, read_policies()[1]["Statement"])


def test_one_who_drops_may_upload_in_one_part_and_in_several(dropper, stack):
    dropper.put_object(Bucket=stack["LANDING-BUCKET"], Key="raw/a", Body=b"a")
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    dropper.upload_fileobj(io.BytesIO(b"0" * (2 * PART)), stack["LANDING-BUCKET"], "raw/b", Config=config)


def test_one_who_drops_may_neither_train_nor_read_nor_delete(dropper, stack):
    where = {"Bucket": stack["LANDING-BUCKET"], "Key": "raw/a"}
    with expect_error("AccessDenied"):
        dropper.put_object(Bucket=stack["LANDING-BUCKET"], Key="training/x/job.toml", Body=b"a")
    with expect_error("AccessDenied"):
        dropper.get_object(**where)
    with expect_error("AccessDenied"):
        dropper.delete_object(**where)


def test_without_the_key_nothing_can_be_dropped(aws, stack):
    with_bucket_only = client(aws, stack, read_policies()[0]["Statement"][:1])
    with expect_error("AccessDenied"):
        with_bucket_only.put_object(Bucket=stack["LANDING-BUCKET"], Key="raw/a", Body=b"a")


def test_one_who_reads_may_list_and_read_results_and_nothing_else(aws, reader, stack):
    bucket = stack["RESULTS-BUCKET"]
    for key in ("results/raw/a/summary.json", "reports/a.html", "reasons/a.json", "receipts/a.json", "models/m/a"):
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"a")
    keys = [entry["Key"] for entry in reader.list_objects_v2(Bucket=bucket)["Contents"]]
    for key in keys:
        if key.startswith("models/"):
            with expect_error("AccessDenied"):
                reader.get_object(Bucket=bucket, Key=key)
        else:
            assert reader.get_object(Bucket=bucket, Key=key)["Body"].read() == b"a"
    with expect_error("AccessDenied"):
        reader.put_object(Bucket=bucket, Key="reports/b.html", Body=b"a")
