"""Stacks within stacks on the embedded CloudFormation."""

import json

import pytest

from local.testing import make_bucket, unique_name, wait_for

pytest_plugins = ["local.fixtures"]


@pytest.fixture
def client(aws):
    return aws.client("cloudformation")


def make_child(visibility: str) -> dict:
    queue = {"Type": "AWS::SQS::Queue"}
    other = {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "VisibilityTimeout": visibility,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 2},
        },
    }
    output = {"Value": {"Fn::GetAtt": ["Dead", "Arn"]}}
    return {"Resources": {"Dead": queue, "Other": other}, "Outputs": {"Arn": output}}


def test_an_update_keeps_the_attributes_of_unchanged_resources(aws, client):
    bucket, name = make_bucket(aws), unique_name("stack")

    def make_body(visibility: str) -> str:
        aws.client("s3").put_object(Bucket=bucket, Key=visibility, Body=json.dumps(make_child(visibility)))
        url = f"{aws.endpoint}/{bucket}/{visibility}"
        child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        output = {"Value": {"Fn::GetAtt": ["Child", "Outputs.Arn"]}}
        return json.dumps({"Resources": {"Child": child}, "Outputs": {"Arn": output}})

    def ended() -> dict | None:
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    client.create_stack(StackName=name, TemplateBody=make_body("30"))
    created = wait_for(ended)
    client.update_stack(StackName=name, TemplateBody=make_body("60"))
    updated = wait_for(ended)
    assert (created["StackStatus"], updated["StackStatus"]) == ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    assert updated["Outputs"] == created["Outputs"]
