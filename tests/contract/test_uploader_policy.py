"""UploaderPolicy of template.yaml, deployed with the landing bucket and its key: uploads, and nothing else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from samcli.yamlhelper import yaml_parse
from seqdrop.kinds.plans import packaged
from seqdrop_cli.landing import Drop, upload_file
from seqdrop_cli.uploader.failures import UploadFailedError

from local.testing import allow, assume_role, expect_error, make_role, unique_name

if TYPE_CHECKING:
    from pathlib import Path

    from local.embedded import EmbeddedAws

pytest_plugins = ["local.fixtures"]
RESOURCES = ("Key", "LandingBucket", "LandingBucketPolicy", "UploaderPolicy")
PREFIXES = "UploaderPrefixes"


@dataclass(frozen=True)
class Landing:
    """A deployed landing bucket, and an uploader's client."""

    aws: EmbeddedAws
    stack: str
    bucket: str
    policy: str

    def client(self, service: str, *statements: dict):
        """Return a client with a role that has UploaderPolicy and these statements."""
        role = make_role(self.aws, *statements)
        self.aws.client("iam").attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=self.policy)
        return assume_role(self.aws, role).client(service)


def deploy(aws: EmbeddedAws, template: dict, **parameters: str) -> Landing:
    """Deploy the four resources from template.yaml."""
    part = {
        "Parameters": {PREFIXES: template["Parameters"][PREFIXES]},
        "Resources": {name: template["Resources"][name] for name in RESOURCES},
        "Outputs": {name: template["Outputs"][name] for name in ("Landing", "UploaderPolicy")},
    }
    client, name = aws.client("cloudformation"), unique_name("stack")
    values = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client.create_stack(
        StackName=name, TemplateBody=json.dumps(part), Parameters=values, Capabilities=["CAPABILITY_IAM"]
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 60})
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return Landing(aws, name, outputs["Landing"], outputs["UploaderPolicy"])


@pytest.fixture(scope="module")
def template(repository) -> dict:
    return yaml_parse((repository / "template.yaml").read_text())


@pytest.fixture(scope="module")
def landing(aws, template) -> Landing:
    return deploy(aws, template)


@pytest.fixture(scope="module")
def uploader(landing):
    return landing.client("s3")


def put(client, landing: Landing, key: str) -> None:
    client.put_object(Bucket=landing.bucket, Key=key, Body=b">a\nACGT\n")


@pytest.mark.parametrize("size", [10, 9 << 20])  # bytes: one request; several parts
def test_seqdrop_drop_needs_no_other_permission_to_upload(landing, uploader, tmp_path: Path, size):
    path = tmp_path / "a.fa"
    path.write_bytes(os.urandom(size))
    version = upload_file(uploader, landing.bucket, Drop(path, "raw/a.fa"))
    place = {"Bucket": landing.bucket, "Key": "raw/a.fa", "VersionId": version.version_id}
    head = landing.aws.client("s3").head_object(**place)
    assert (head["ContentLength"], head["ETag"]) == (version.size, f'"{version.etag}"') == (size, head["ETag"])
    assert head["ServerSideEncryption"] == "aws:kms"


def test_seqdrop_drop_finds_the_stack_and_no_other(landing):
    client = landing.client("cloudformation")
    (stack,) = client.describe_stacks(StackName=landing.stack)["Stacks"]
    assert {output["OutputKey"] for output in stack["Outputs"]} == {"Landing", "UploaderPolicy"}
    with expect_error("AccessDenied"):
        client.describe_stacks(StackName="another-stack")


def test_an_upload_in_parts_can_be_resumed_and_abandoned(landing, uploader):
    place = {"Bucket": landing.bucket, "Key": "raw/large.fastq"}
    upload = uploader.create_multipart_upload(**place)["UploadId"]
    uploader.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"0" * (5 << 20))
    assert [part["PartNumber"] for part in uploader.list_parts(**place, UploadId=upload)["Parts"]] == [1]
    uploader.abort_multipart_upload(**place, UploadId=upload)


@pytest.mark.parametrize("prefix", [a.prefix for a in packaged().by_name.values() if a.prefix != "training/"])
def test_every_analysis_of_the_checkout_but_training_accepts_files(landing, uploader, prefix):
    put(uploader, landing, f"{prefix}a.fa")


@pytest.mark.parametrize("key", ["training/x/job.toml", "a.fa", "rawest/a.fa", "models/a"])
def test_other_keys_are_denied(landing, uploader, key):
    with expect_error("AccessDenied"):
        put(uploader, landing, key)


def test_an_uploader_cannot_read_list_or_delete(landing, uploader):
    place = {"Bucket": landing.bucket, "Key": "raw/kept.fa"}
    version = uploader.put_object(**place, Body=b">a\nACGT\n")["VersionId"]
    denied = [
        lambda: uploader.get_object(**place),
        lambda: uploader.get_object(**place, VersionId=version),
        lambda: uploader.copy_object(Bucket=landing.bucket, Key="raw/copy.fa", CopySource=place),
        lambda: uploader.list_objects_v2(Bucket=landing.bucket),
        lambda: uploader.list_object_versions(Bucket=landing.bucket),
        lambda: uploader.delete_object(**place),
        lambda: uploader.delete_object(**place, VersionId=version),
    ]
    for call in denied:
        with expect_error("AccessDenied"):
            call()
    with expect_error("403"):
        uploader.head_object(**place)


def test_the_key_serves_s3_only(landing):
    """Otherwise Decrypt would open queue messages and data keys that the uploader got elsewhere."""
    key = landing.aws.client("s3").get_bucket_encryption(Bucket=landing.bucket)["ServerSideEncryptionConfiguration"]
    arn = key["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    with expect_error("AccessDeniedException"):
        landing.client("kms").generate_data_key(KeyId=arn, KeySpec="AES_256")


def test_without_the_key_nothing_can_be_uploaded_and_the_command_says_what_to_ask_for(aws, landing, tmp_path):
    (tmp_path / "a.fa").write_bytes(b">a\nACGT\n")
    client = assume_role(aws, make_role(aws, allow("s3:PutObject", f"arn:aws:s3:::{landing.bucket}/*"))).client("s3")
    with pytest.raises(UploadFailedError, match=r"AccessDenied.*ask an administrator for the stack's UploaderPolicy"):
        upload_file(client, landing.bucket, Drop(tmp_path / "a.fa", "raw/a.fa"))


def test_a_stack_may_name_other_prefixes_one_for_each_group(aws, template):
    landing = deploy(aws, template, **{PREFIXES: "raw/group-a/,reads/group-a/,own/"})
    uploader = landing.client("s3")
    for key in ("raw/group-a/a.fa", "reads/group-a/run/a.fastq", "own/a.fa"):
        put(uploader, landing, key)
    for key in ("raw/group-b/a.fa", "raw/group-ab/a.fa", "raw/a.fa", "embed/a.fa"):
        with expect_error("AccessDenied"):
            put(uploader, landing, key)


@pytest.mark.parametrize("prefixes", ["", "raw", "/raw/", "raw/*", "raw/,", ",raw/", "a/,b/,c/,d/,e/,f/,g/,h/,i/"])
def test_prefixes_that_would_mean_something_else_are_refused(aws, template, prefixes):
    """A prefix without a slash would allow raw-b/ as well, and an empty one every key."""
    with expect_error("ValidationError", PREFIXES):
        deploy(aws, template, **{PREFIXES: prefixes})
