"""Custom resources of CloudFormation, which a function creates, updates and deletes."""

import io
import json
import zipfile

import pytest

from local.testing import allow, make_bucket, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long

# Writes each event to a bucket, and answers as a custom resource must.
CODE = """
import json, urllib.request, boto3
def handler(event, context):
    properties = event["ResourceProperties"]
    boto3.client("s3").put_object(Bucket=properties["Bucket"], Key=event["RequestType"], Body=json.dumps(event))
    failed = properties.get("Fail") == event["RequestType"]
    answer = {
        "Status": "FAILED" if failed else "SUCCESS",
        "Reason": "asked to fail",
        "PhysicalResourceId": "thing-1",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Value": properties["Size"]},
    }
    body, headers = json.dumps(answer).encode(), {"Content-Type": ""}
    request = urllib.request.Request(event["ResponseURL"], body, headers, method="PUT")
    urllib.request.urlopen(request).close()
"""


@pytest.fixture(scope="module")
def function(aws) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", CODE)
    name = unique_name("custom")
    role = make_role(aws, allow("s3:*"), service="lambda.amazonaws.com")
    return aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )["FunctionArn"]


def make_template(function: str, bucket: str, size: int, **properties: str) -> str:
    thing = {
        "Type": "Custom::Thing",
        "Properties": {"ServiceToken": function, "Bucket": bucket, "Size": size} | properties,
    }
    output = {"Value": {"Fn::GetAtt": ["Thing", "Value"]}}
    return json.dumps({"Resources": {"Thing": thing}, "Outputs": {"Size": output}})


def wait_for_stack(aws, name: str, status: str) -> dict:
    def probe() -> dict | None:
        stack = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return stack if stack["StackStatus"] == status else None

    return wait_for(probe, timeout=30)


def read_event(aws, bucket: str, kind: str) -> dict:
    return json.loads(aws.client("s3").get_object(Bucket=bucket, Key=kind)["Body"].read())


def test_a_function_creates_updates_and_deletes_a_resource(aws, function):
    stack, bucket, client = unique_name("stack"), make_bucket(aws), aws.client("cloudformation")
    identifier = client.create_stack(StackName=stack, TemplateBody=make_template(function, bucket, 1))["StackId"]
    created = wait_for_stack(aws, stack, "CREATE_COMPLETE")
    assert created["Outputs"][0]["OutputValue"] == "1"
    client.update_stack(StackName=stack, TemplateBody=make_template(function, bucket, 2))
    updated = wait_for_stack(aws, stack, "UPDATE_COMPLETE")
    assert updated["Outputs"][0]["OutputValue"] == "2"
    event = read_event(aws, bucket, "Update")
    assert (event["PhysicalResourceId"], event["OldResourceProperties"]["Size"]) == ("thing-1", "1")
    client.delete_stack(StackName=stack)
    wait_for_stack(aws, identifier, "DELETE_COMPLETE")
    assert read_event(aws, bucket, "Delete")["PhysicalResourceId"] == "thing-1"


def test_a_failure_fails_the_stack(aws, function):
    stack, bucket = unique_name("stack"), make_bucket(aws)
    template = make_template(function, bucket, 1, Fail="Create")
    aws.client("cloudformation").create_stack(StackName=stack, TemplateBody=template)
    wait_for_stack(aws, stack, "ROLLBACK_COMPLETE")
    events = aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    assert any("asked to fail" in event.get("ResourceStatusReason", "") for event in events)
