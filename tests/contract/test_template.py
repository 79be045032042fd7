"""What no emulator shows, derived from template.yaml: who needs the key, and that nothing lies open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

# What an identity also needs of the key when it does this to an encrypted resource.
# Sources: the KMS sections of the S3, SQS, SNS and DynamoDB developer guides.
READ, BOTH = {"kms:Decrypt"}, {"kms:Decrypt", "kms:GenerateDataKey"}
NEEDS = {
    "s3:GetObject": READ,
    "s3:GetObjectVersion": READ,
    "s3:PutObject": BOTH,
    "sqs:SendMessage": BOTH,
    "sns:Publish": BOTH,
    "dynamodb:GetItem": READ,
    "dynamodb:PutItem": BOTH,
    "dynamodb:Query": READ,
}


class Template(yaml.SafeLoader):
    """Intrinsic functions become {tag: value}."""


def _plain(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_mapping(node, deep=True)}


Template.add_multi_constructor("!", _plain)
TREE = yaml.load((Path(__file__).parents[2] / "template.yaml").read_text(), Template)
RESOURCES = TREE["Resources"]


def of_type(kind: str) -> dict[str, dict]:
    return {name: body["Properties"] for name, body in RESOURCES.items() if body["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
BUCKETS = of_type("AWS::S3::Bucket")


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def statements(name: str) -> list[dict]:
    if name in FUNCTIONS:
        return [s for policy in FUNCTIONS[name]["Policies"] for s in policy["Statement"]]
    policies = RESOURCES[name]["Properties"]["Policies"]
    return [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]


def actions(name: str) -> set[str]:
    return {action for s in statements(name) if s["Effect"] == "Allow" for action in as_list(s["Action"])}


IDENTITIES = [*FUNCTIONS, "ExecutionRole"]


@pytest.mark.parametrize("name", IDENTITIES)
def test_whoever_touches_what_is_encrypted_may_use_the_key(name):
    needed = set().union(*(NEEDS.get(action, set()) for action in actions(name)))
    if any(event["Type"] == "SQS" for event in FUNCTIONS.get(name, {}).get("Events", {}).values()):
        needed |= READ  # it receives from an encrypted queue
    granted = [s for s in statements(name) if s["Resource"] == {"GetAtt": "Key.Arn"}]
    assert needed, f"{name} touches nothing?"
    assert needed <= {action for s in granted for action in as_list(s["Action"])}


@pytest.mark.parametrize("name", IDENTITIES)
def test_no_action_that_touches_encrypted_data_is_missing_from_this_test(name):
    known = {*NEEDS, "s3:ListBucket", "s3:ListBucketVersions", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"}
    known |= {"s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObjectTagging"}
    known |= {"sqs:ChangeMessageVisibility"}  # takes no key: the body is not read
    data = {action for action in actions(name) if action.split(":")[0] in {"s3", "sqs", "sns", "dynamodb"}}
    assert data <= known


def test_services_that_write_by_themselves_may_use_the_key():
    """A rule's target, a schedule's dead-letter queue and a budget's topic are written to without any role of ours."""
    writers = set()
    for rule in of_type("AWS::Events::Rule").values():
        assert all("Queue" in target["Arn"]["GetAtt"] for target in rule["Targets"])
        writers.add("events.amazonaws.com")
    if of_type("AWS::Budgets::Budget"):
        writers.add("budgets.amazonaws.com")
    allowed = {
        s["Principal"]["Service"]: {action.rstrip("*") for action in as_list(s["Action"])}
        for s in RESOURCES["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if "Service" in s["Principal"]
    }
    assert dict.fromkeys(writers, BOTH) == allowed


def test_queues_take_messages_from_our_rules_only():
    policy = RESOURCES["QueuesFromRules"]["Properties"]["PolicyDocument"]["Statement"][0]
    targets = {t["Arn"]["GetAtt"] for rule in of_type("AWS::Events::Rule").values() for t in rule["Targets"]}
    letters = {
        t["DeadLetterConfig"]["Arn"]["GetAtt"]
        for rule in of_type("AWS::Events::Rule").values()
        for t in rule["Targets"]
    }
    schedule = FUNCTIONS["ReconcileFunction"]["Events"]["Schedule"]["Properties"]["DeadLetterConfig"]["Arn"]["GetAtt"]
    assert {resource["GetAtt"] for resource in policy["Resource"]} == targets | letters | {schedule}
    sources = {arn["GetAtt"] for arn in policy["Condition"]["ArnEquals"]["aws:SourceArn"]}
    rules = {f"{name}.Arn" for name in of_type("AWS::Events::Rule")}
    assert sources == rules | {"ReconcileFunctionSchedule.Arn"}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_closed_encrypted_and_kept(name):
    bucket = BUCKETS[name]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"GetAtt": "Key.Arn"}}
    assert rule["ServerSideEncryptionByDefault"] == default
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert {RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]} == {"Retain"}
    if name != "WorkBucket":  # its objects can be made again
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (deny,) = RESOURCES[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["LandingBucket", "ArchiveBucket"])
def test_no_lifecycle_rule_removes_raw_data(name):
    for rule in BUCKETS[name]["LifecycleConfiguration"]["Rules"]:
        assert not set(rule) & {"ExpirationInDays", "ExpirationDate", "NoncurrentVersionExpiration"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_queues_outlast_six_runs_and_have_dead_letters(name):
    for event in FUNCTIONS[name]["Events"].values():
        if event["Type"] != "SQS":
            continue
        queue = QUEUES[event["Properties"]["Queue"]["GetAtt"].removesuffix(".Arn")]
        assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[name]["Timeout"]
        assert queue["RedrivePolicy"]["deadLetterTargetArn"]["GetAtt"].removesuffix(".Arn") in QUEUES
        assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_encrypted(name):
    assert QUEUES[name]["KmsMasterKeyId"] == {"Ref": "Key"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_has_a_wildcard(name):
    assert not [action for action in actions(name) if "*" in action]
    assert not [s for s in statements(name) if s["Resource"] == "*"]


def test_only_archive_removes_anything():
    removing = {name: {a for a in actions(name) if "Delete" in a} for name in IDENTITIES}
    assert {name: found for name, found in removing.items() if found} == {"ArchiveFunction": {"s3:DeleteObjectVersion"}}


def test_every_function_of_the_tree_is_deployed_with_a_log_that_ends(repository):
    folders = {path.parent.name for path in (repository / "functions").glob("*/app.py")}
    assert {body["CodeUri"].split("/")[1] for body in FUNCTIONS.values()} == folders
    logs = of_type("AWS::Logs::LogGroup").values()
    assert {json.dumps(log["LogGroupName"]) for log in logs} == {
        json.dumps({"Sub": f"/aws/lambda/${{{name}}}"}) for name in FUNCTIONS
    }
