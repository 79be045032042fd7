"""SageMaker's models: create, describe, list and delete, with the errors and permissions of AWS."""

import pytest

from local.testing import ModelBench, allow, assume_role, expect_error, make_role, unique_name

pytest_plugins = ["local.fixtures"]

CODE = "def model_fn(d): return d\ndef predict_fn(d, m): return d\n"


@pytest.fixture(scope="module")
def bench(aws) -> ModelBench:
    return ModelBench(aws, CODE)


def arn(aws, name: str) -> str:
    return f"arn:aws:sagemaker:{aws.region}:{aws.account}:model/{name.lower()}"


def test_a_model_is_described_as_it_was_created(aws, bench):
    name = unique_name("Model")
    response = bench.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=bench.role,
        Tags=[{"Key": "a", "Value": "b"}],
        PrimaryContainer={"Image": bench.image, "ModelDataUrl": bench.data, "Environment": {"A": "1"}},
    )
    assert response["ModelArn"] == arn(aws, name)
    description = bench.sagemaker.describe_model(ModelName=name)
    assert description["PrimaryContainer"] == {
        "Image": bench.image,
        "ModelDataUrl": bench.data,
        "Environment": {"A": "1"},
    }
    assert (description["ModelName"], description["ExecutionRoleArn"]) == (name, bench.role)
    assert description["CreationTime"].tzinfo
    assert not description["EnableNetworkIsolation"]


def test_a_model_is_listed_and_deleted(bench):
    name = bench.create_model()
    summaries = bench.sagemaker.list_models(NameContains=name)["Models"]
    assert [entry["ModelName"] for entry in summaries] == [name]
    bench.sagemaker.delete_model(ModelName=name)
    assert not bench.sagemaker.list_models(NameContains=name)["Models"]
    for operation in (bench.sagemaker.describe_model, bench.sagemaker.delete_model):
        with expect_error("ValidationException", 'Could not find model "arn:aws:sagemaker'):
            operation(ModelName=name)


def test_lists_come_in_pages(bench):
    stem = unique_name("page")
    for number in range(3):
        bench.sagemaker.create_model(
            ModelName=f"{stem}-{number}",
            ExecutionRoleArn=bench.role,
            PrimaryContainer={"Image": bench.image, "ModelDataUrl": bench.data},
        )
    pages = bench.sagemaker.get_paginator("list_models").paginate(
        NameContains=stem, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    assert [[entry["ModelName"][-1] for entry in page["Models"]] for page in pages] == [["0", "1"], ["2"]]


def test_names_are_unique_regardless_of_case(bench):
    with expect_error("ValidationException", "Cannot create already existing model"):
        bench.sagemaker.create_model(
            ModelName=bench.model.upper(),
            ExecutionRoleArn=bench.role,
            PrimaryContainer={"Image": bench.image, "ModelDataUrl": bench.data},
        )


def test_model_data_must_exist(bench):
    with expect_error("ValidationException", "Could not find model data at s3://"):
        bench.create_model(ModelDataUrl=f"s3://{bench.bucket}/absent.tar.gz")


def test_model_data_with_another_etag_are_refused(aws, bench):
    key = bench.data.partition(f"{bench.bucket}/")[2]
    etag = aws.client("s3").head_object(Bucket=bench.bucket, Key=key)["ETag"].strip('"')
    source = {"S3Uri": bench.data, "S3DataType": "S3Object", "CompressionType": "Gzip", "ETag": etag}
    request = {"ExecutionRoleArn": bench.role, "ModelName": unique_name("pinned")}
    wrong = {"Image": bench.image, "ModelDataSource": {"S3DataSource": source | {"ETag": "0" * 32}}}
    with expect_error("ValidationException", "ETag of the model data"):
        bench.sagemaker.create_model(**request, PrimaryContainer=wrong)
    right = {"Image": bench.image, "ModelDataSource": {"S3DataSource": source}}
    assert bench.sagemaker.create_model(**request, PrimaryContainer=right)["ModelArn"]


def test_the_execution_role_must_be_allowed_to_read_the_model_data(aws, bench):
    with expect_error("ValidationException", "Could not access model data at s3://"):
        bench.create_model(ExecutionRoleArn=make_role(aws, allow("logs:*")))


def test_a_model_in_a_vpc_is_refused(bench):
    with expect_error("ValidationException", "VpcConfig is not supported by the embedded SageMaker"):
        bench.create_model(VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})


@pytest.mark.parametrize("service", ["lambda.amazonaws.com", None])
def test_the_execution_role_must_trust_sagemaker(aws, bench, service):
    absent = f"arn:aws:iam::{aws.account}:role/absent"
    role = make_role(aws, allow("s3:*"), service=service) if service else absent
    with expect_error("ValidationException", "Could not assume role"):
        bench.create_model(ExecutionRoleArn=role)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Image": ""}, "primaryContainer.image"),
        ({"ModelPackageName": "package"}, "ModelPackageName is not supported by the embedded SageMaker"),
        ({"Mode": "MultiModel"}, "multi-model container is not supported"),
        ({"ModelDataUrl": "https://host/model.tar.gz"}, "does not begin with s3://, is not supported"),
        ({"Environment": {"A": "x" * 1025}}, "length less than or equal to 1024"),
    ],
)
def test_containers_that_are_refused(bench, container, message):
    with expect_error("ValidationException", message):
        bench.create_model(**container)


def test_tags_are_added_listed_and_removed(aws, bench):
    name = bench.create_model(Tags=[{"Key": "first", "Value": "1"}])
    resource = arn(aws, name)
    bench.sagemaker.add_tags(ResourceArn=resource, Tags=[{"Key": "second", "Value": "2"}])
    bench.sagemaker.delete_tags(ResourceArn=resource, TagKeys=["first"])
    assert bench.sagemaker.list_tags(ResourceArn=resource)["Tags"] == [{"Key": "second", "Value": "2"}]
    with expect_error("ValidationException"):
        bench.sagemaker.list_tags(ResourceArn=arn(aws, "absent"))


class TestPermissions:
    """The caller's own policies decide, with the resource's ARN."""

    def attempt(self, aws, bench, *statements, **request):
        client = assume_role(aws, make_role(aws, *statements)).client("sagemaker")
        return client.create_model(
            **(
                {
                    "ModelName": unique_name("allowed"),
                    "ExecutionRoleArn": bench.role,
                    "PrimaryContainer": {"Image": bench.image, "ModelDataUrl": bench.data},
                }
                | request
            )
        )

    def test_create_needs_the_action_on_the_model(self, aws, bench):
        passing = allow("iam:PassRole", bench.role)
        with expect_error("AccessDeniedException", "sagemaker:CreateModel on resource: arn:"):
            self.attempt(aws, bench, passing, allow("sagemaker:CreateModel", arn(aws, "other-*")))
        self.attempt(aws, bench, passing, allow("sagemaker:CreateModel", arn(aws, "allowed-*")))

    def test_create_needs_the_role_to_be_passed(self, aws, bench):
        creating = allow("sagemaker:CreateModel")
        with expect_error("AccessDeniedException", "iam:PassRole on resource: arn:aws:iam"):
            self.attempt(aws, bench, creating)
        elsewhere = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
        with expect_error("AccessDeniedException"):
            self.attempt(aws, bench, creating, allow("iam:PassRole", bench.role, Condition=elsewhere))
        here = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        self.attempt(aws, bench, creating, allow("iam:PassRole", bench.role, Condition=here))

    def test_create_with_tags_needs_add_tags(self, aws, bench):
        statements = [allow("sagemaker:CreateModel"), allow("iam:PassRole", bench.role)]
        tags = {"Tags": [{"Key": "project", "Value": "seqdrop"}]}
        with expect_error("AccessDeniedException", "sagemaker:AddTags"):
            self.attempt(aws, bench, *statements, **tags)
        self.attempt(aws, bench, *statements, allow("sagemaker:AddTags"), **tags)

    def test_tags_of_the_request_and_of_the_resource_are_condition_keys(self, aws, bench):
        passing, tag = allow("iam:PassRole", bench.role), {"Key": "project", "Value": "seqdrop"}
        creating = allow(
            ["sagemaker:CreateModel", "sagemaker:AddTags"],
            Condition={"StringEquals": {"aws:RequestTag/project": "seqdrop"}},
        )
        with expect_error("AccessDeniedException"):
            self.attempt(aws, bench, passing, creating)
        resource = self.attempt(aws, bench, passing, creating, Tags=[tag])["ModelArn"]
        reading = allow("sagemaker:ListTags", Condition={"StringEquals": {"aws:ResourceTag/project": "seqdrop"}})
        reader = assume_role(aws, make_role(aws, reading)).client("sagemaker")
        assert reader.list_tags(ResourceArn=resource)["Tags"] == [tag]
        with expect_error("AccessDeniedException"):
            reader.list_tags(ResourceArn=arn(aws, bench.model))

    def test_an_explicit_deny_wins(self, aws, bench):
        deny = {"Effect": "Deny", "Action": "sagemaker:DescribeModel", "Resource": "*"}
        client = assume_role(aws, make_role(aws, allow("sagemaker:*"), deny)).client("sagemaker")
        client.list_models()
        with expect_error("AccessDeniedException", "explicit deny"):
            client.describe_model(ModelName=bench.model)

    def test_unknown_access_keys_are_refused(self, aws):
        stranger = aws.session({"AccessKeyId": "AKIAABSENT0000000000", "SecretAccessKey": "x"})
        with expect_error("UnrecognizedClientException"):
            stranger.client("sagemaker").list_models()


def test_an_absent_operation_is_an_error(aws):
    with expect_error("ValidationException", "no operation 'ListExperiments'"):
        aws.client("sagemaker").list_experiments()


def test_each_region_has_its_own_models(aws, bench):
    elsewhere = aws.client("sagemaker", region_name="eu-west-1")
    assert not elsewhere.list_models()["Models"]
    with expect_error("ValidationException", "eu-west-1"):
        elsewhere.describe_model(ModelName=bench.model)
