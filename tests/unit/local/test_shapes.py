"""Requests that AWS refuses, although botocore's client sends them, are refused with the same wording."""

import pytest

from local.sagemaker.errors import ValidationError
from local.sagemaker.shapes import check

JOB = {
    "TransformJobName": "a-job",
    "ModelName": "a-model",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://in/"}}},
    "TransformOutput": {"S3OutputPath": "s3://out/"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}
LIKE_AWS = "1 validation error detected: Value 'a_job' at 'transformJobName' failed to satisfy constraint: Member"


def test_a_good_request_passes():
    check("CreateTransformJob", JOB | {"MaxPayloadInMB": 6, "Environment": {"A_B": "any: \n value"}})


@pytest.mark.parametrize("name", ["a", "A" * 63, "a--b", "0-9", "a" + "-b" * 31])
def test_job_names_that_the_service_accepts(name):
    check("CreateTransformJob", JOB | {"TransformJobName": name})


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a.b", "a" * 64, "ä"])
def test_job_names_that_the_service_refuses(name):
    with pytest.raises(ValidationError, match="transformJobName"):
        check("CreateTransformJob", JOB | {"TransformJobName": name})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ModelName": None}, "'modelName' failed to satisfy constraint: Member must not be null"),
        ({"Surprise": 1}, "Unknown member 'surprise'"),
        ({"MaxPayloadInMB": "6"}, "integer expected"),
        ({"MaxPayloadInMB": True}, "integer expected"),
        ({"MaxPayloadInMB": -1}, "value greater than or equal to 0"),
        ({"BatchStrategy": "Both"}, r"enum value set: \[MultiRecord, SingleRecord\]"),
        ({"Environment": {f"N{number}": "" for number in range(17)}}, "length less than or equal to 16"),
        ({"Environment": {"1A": ""}}, "regular expression pattern"),
        ({"Environment": {"A": "x" * 10241}}, "length less than or equal to 10240"),
        ({"Tags": [{"Key": "a"}]}, "'tags.1.member.value'"),
        ({"Tags": [{"Key": "a!", "Value": ""}]}, "regular expression pattern"),
        (
            {"TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "in"}}}},
            "'transformInput.dataSource.s3DataSource.s3Uri'",
        ),
        ({"ModelClientConfig": {"InvocationsTimeoutInSeconds": 3601}}, "value less than or equal to 3600"),
    ],
)
def test_requests_that_the_service_refuses(change, message):
    with pytest.raises(ValidationError, match=message):
        check("CreateTransformJob", JOB | change)


def test_the_wording_is_that_of_the_service_and_lists_all_problems():
    with pytest.raises(ValidationError) as error:
        check("CreateTransformJob", JOB | {"TransformJobName": "a_job"})
    assert error.value.message.startswith(LIKE_AWS)
    with pytest.raises(ValidationError, match=r"2 validation errors detected: .*; .*"):
        check("CreateTransformJob", JOB | {"TransformJobName": "a_job", "BatchStrategy": "x"})


def test_tags_may_use_any_alphabet():
    check(
        "AddTags",
        {
            "ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/a",
            "Tags": [{"Key": "Größe 1/2 @x=+", "Value": "日本"}],
        },
    )
