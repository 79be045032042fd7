"""The IAM policies of docs/who-may-drop.md allow what the page says, and no more, under IAM and a key policy."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from boto3.s3.transfer import TransferConfig
from seqdrop.aws import keys
from seqdrop.ledger.records import Upload
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import now
from seqdrop.stages.forget import request
from seqdrop.uploads import UploadVersion
from seqdrop_cli.sharing.records import PAGE, write_page

from local.testing import assume_role, expect_error, make_bucket, make_role, unique_name
from tests.contract.test_fake_aws import make_table
from tests.support.aws.account import Account
from tests.support.services import direct_services
from tests.unit.docs.test_quotes import read_policies

if TYPE_CHECKING:
    import boto3
    from seqdrop.runtime.services import Services

    from local.embedded import EmbeddedAws

pytest_plugins = ["local.fixtures"]
PART = 5 << 20  # bytes; S3 accepts no smaller part


@pytest.fixture(scope="module")
def stack(aws) -> dict[str, str]:
    """Return the value of each placeholder: three buckets under a key of their own."""
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    names = ("LANDING-BUCKET", "RESULTS-BUCKET", "ARCHIVE-BUCKET")
    buckets = {name: make_bucket(aws, versioned=True) for name in names}
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"BucketKeyEnabled": True, "ApplyServerSideEncryptionByDefault": encryption}
    for bucket in buckets.values():
        configuration = {"Rules": [rule]}
        aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration)
    return {**buckets, "KEY-ARN": key, "REGION": aws.region, "ACCOUNT": aws.account}


def assume(aws: EmbeddedAws, stack: dict[str, str], statements: list[dict]) -> boto3.Session:
    """Return a session with a role that has these statements, after replacing their placeholders."""
    text = json.dumps(statements)
    for placeholder, value in stack.items():
        text = text.replace(placeholder, value)
    return assume_role(aws, make_role(aws, *json.loads(text)))


def client(aws: EmbeddedAws, stack: dict[str, str], statements: list[dict]):
    """Return an S3 client with a role that has these statements."""
    return assume(aws, stack, statements).client("s3", endpoint_url=aws.endpoint)


@pytest.fixture
def dropper(aws, stack):
    return client(aws, stack, read_policies()[0]["Statement"])


@pytest.fixture
def reader(aws, stack):
    return client(aws, stack, read_policies()[1]["Statement"])


def test_the_policy_for_droppers_allows_uploads_in_one_part_and_in_several(dropper, stack):
    dropper.put_object(Bucket=stack["LANDING-BUCKET"], Key="raw/a", Body=b"a")
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    dropper.upload_fileobj(io.BytesIO(b"0" * (2 * PART)), stack["LANDING-BUCKET"], "raw/b", Config=config)


def test_the_policy_for_droppers_allows_neither_training_nor_reading_nor_deleting(dropper, stack):
    where = {"Bucket": stack["LANDING-BUCKET"], "Key": "raw/a"}
    with expect_error("AccessDenied"):
        dropper.put_object(Bucket=stack["LANDING-BUCKET"], Key="training/x/job.toml", Body=b"a")
    with expect_error("AccessDenied"):
        dropper.get_object(**where)
    with expect_error("AccessDenied"):
        dropper.delete_object(**where)


def test_without_permission_for_the_key_nothing_can_be_dropped(aws, stack):
    with_bucket_only = client(aws, stack, read_policies()[0]["Statement"][:1])
    with expect_error("AccessDenied"):
        with_bucket_only.put_object(Bucket=stack["LANDING-BUCKET"], Key="raw/a", Body=b"a")


def test_the_policy_for_readers_allows_listing_and_reading_results_and_nothing_else(aws, reader, stack):
    bucket = stack["RESULTS-BUCKET"]
    names = ("results/raw/a/summary.json", "reports/a.html", "reasons/a.json", "receipts/a.json", "index/raw/a/b.json")
    for key in (*names, "models/m/a"):
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


def test_the_policy_for_sharing_allows_the_record_and_links_to_raw_data_and_no_other_write(aws, stack):
    _, reading, sharing, *_ = read_policies()
    person = client(aws, stack, [*reading["Statement"], *sharing["Statement"]])
    bucket, archive = stack["RESULTS-BUCKET"], stack["ARCHIVE-BUCKET"]
    write_page(person, bucket, "s20260301-abc123", "<p>page</p>")
    assert person.get_object(Bucket=bucket, Key=keys.share("s20260301-abc123", PAGE))["Body"].read() == b"<p>page</p>"
    version = aws.client("s3").put_object(Bucket=archive, Key="raw/a", Body=b"a")["VersionId"]
    assert person.head_object(Bucket=archive, Key="raw/a", VersionId=version)["ContentLength"] == 1
    for key in ("reports/b.html", "index/raw/a/b.json", "receipts/a.json"):
        with expect_error("AccessDenied"):
            person.put_object(Bucket=bucket, Key=key, Body=b"a")
    with expect_error("AccessDenied"):
        person.delete_object(Bucket=bucket, Key=keys.share("s20260301-abc123", PAGE))


@pytest.fixture
def forgetter(aws, stack) -> Services:
    """Provide services with the rights of a person who may forget, on a ledger and a topic of their own."""
    table, topic = make_table(aws.client("dynamodb")), aws.client("sns").create_topic(Name=unique_name("topic"))
    names = {**stack, "TABLE": table, "TOPIC": topic["TopicArn"].rpartition(":")[2]}
    session = assume(aws, names, read_policies()[4]["Statement"])
    services = direct_services(Account())
    ledger = Ledger(session.resource("dynamodb", endpoint_url=aws.endpoint).Table(table), now)
    settings = replace(services.settings, topic=topic["TopicArn"])
    clients = {name: session.client(name, endpoint_url=aws.endpoint) for name in ("s3", "sns", "sqs")}
    return replace(services, ledger=ledger, settings=settings, **clients)


def test_the_policy_for_forgetting_allows_a_request_with_its_mail_and_its_withdrawal(aws, forgetter):
    version = UploadVersion("landing", "raw/a.fq", "v1", 4, "e", "0")
    forgetter.ledger.create(Upload.from_version(version, "raw"))
    for state in ("VALIDATED", "ARCHIVED"):
        forgetter.ledger.move(forgetter.ledger.find_upload(version.id), state)
    (upload,) = forgetter.ledger.in_state("upload", "ARCHIVED")
    request.mail_request(forgetter, [upload], request.Request("end of project"))
    assert request.ask(forgetter, upload, request.Request("end of project"))
    assert request.cancel(forgetter, forgetter.ledger.find_upload(version.id))


def test_the_policy_for_forgetting_allows_no_deletion(aws, forgetter, stack):
    bucket = stack["RESULTS-BUCKET"]
    version = aws.client("s3").put_object(Bucket=bucket, Key="receipts/a.json", Body=b"a")["VersionId"]
    with expect_error("AccessDenied"):
        forgetter.s3.delete_object(Bucket=bucket, Key="receipts/a.json", VersionId=version)
    with expect_error("AccessDenied"):
        forgetter.s3.get_object(Bucket=bucket, Key="receipts/a.json")
