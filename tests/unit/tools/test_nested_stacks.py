"""Nested stacks are merged into one template, which means what the stacks mean."""

import pytest
from samcli.yamlhelper import yaml_parse

from tests.support.reviewers.resolved import Resolved
from tools.nested_stacks import merge_stacks

CHILD = """
Parameters:
  Bucket: { Type: String }
  Days: { Type: Number, Default: 7 }
  More: { Type: String }
Conditions:
  HasMore: !Equals [!Ref More, "true"]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub "${Bucket}-queue", MessageRetentionPeriod: !Ref Days }
  Topic:
    Type: AWS::SNS::Topic
    Condition: HasMore
    Properties: { TopicName: !Sub ["${Bucket}-${Own}", { Own: !Ref Bucket }] }
Outputs:
  Queue: { Value: !GetAtt Queue.Arn }
"""
PARENT = """
Parameters:
  Wanted: { Type: String, Default: "true" }
  More: { Type: String, Default: "true" }
Conditions:
  PartOn: !Equals [!Ref Wanted, "true"]
Resources:
  Landing: { Type: AWS::S3::Bucket }
  Part:
    Type: AWS::CloudFormation::Stack
    Condition: PartOn
    Properties:
      TemplateURL: stacks/part.yaml
      Parameters: { Bucket: !Ref Landing, More: !Ref More }
Outputs:
  Queue: { Value: !GetAtt Part.Outputs.Queue }
"""


@pytest.fixture
def merge(tmp_path):
    def merge_child(child: str = CHILD) -> dict:
        (tmp_path / "stacks").mkdir()
        (tmp_path / "stacks/part.yaml").write_text(child)
        return merge_stacks(yaml_parse(PARENT), tmp_path)

    return merge_child


def test_parameters_and_outputs_are_those_of_the_parent(merge):
    resolved = Resolved(merge())
    bucket = resolved.reference("Landing")
    assert resolved.names == ["Landing", "Queue", "Topic"]
    assert resolved.resource("Queue")["Properties"] == {"QueueName": f"{bucket}-queue", "MessageRetentionPeriod": 7}
    assert resolved.resource("Topic")["Properties"] == {"TopicName": f"{bucket}-{bucket}"}
    assert resolved.value(resolved.template["Outputs"]["Queue"]["Value"]) == resolved.arn("Queue")


@pytest.mark.parametrize(
    ("on", "more", "exist"), [("true", "false", ["Landing", "Queue"]), ("false", "true", ["Landing"])]
)
def test_a_resource_exists_if_both_conditions_are_true(merge, on, more, exist):
    assert Resolved(merge(), {"Wanted": on, "More": more}).names == exist


def test_a_name_is_used_once(merge):
    with pytest.raises(ValueError, match="Landing"):
        merge(CHILD.replace("  Topic:", "  Landing:"))
