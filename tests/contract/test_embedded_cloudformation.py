"""Properties that CloudFormation must apply: encryption, lifecycle, time to live, recovery."""

import json

import pytest
from botocore.exceptions import WaiterError

from local.testing import unique_name

pytest_plugins = ["local.fixtures"]


class Stack:
    """A stack that tests create and change."""

    def __init__(self, aws):
        self._client, self.name = aws.client("cloudformation"), unique_name("stack")

    def create(self, resources: dict) -> None:
        self._client.create_stack(StackName=self.name, TemplateBody=json.dumps({"Resources": resources}))
        self._wait("stack_create_complete")

    def change(self, resources: dict) -> None:
        self._client.update_stack(StackName=self.name, TemplateBody=json.dumps({"Resources": resources}))
        self._wait("stack_update_complete")

    def id_of(self, name: str) -> str:
        response = self._client.describe_stack_resource(StackName=self.name, LogicalResourceId=name)
        return response["StackResourceDetail"]["PhysicalResourceId"]

    def _wait(self, state: str) -> None:
        self._client.get_waiter(state).wait(StackName=self.name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 60})


@pytest.fixture
def stack(aws) -> Stack:
    return Stack(aws)


@pytest.fixture
def s3(aws):
    return aws.client("s3")


KEY = {
    "Type": "AWS::KMS::Key",
    "Properties": {
        "KeyPolicy": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": "*"}}],
        }
    },
}


def bucket(**properties) -> dict:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def table(**properties) -> dict:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            **properties,
        },
    }


@pytest.mark.parametrize("reference", [{"Fn::GetAtt": ["Key", "Arn"]}, {"Ref": "Key"}])
def test_a_bucket_is_encrypted_with_its_key(aws, stack, s3, reference):
    rule = {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": reference},
    }
    stack.create({"Key": KEY, "Bucket": bucket(BucketEncryption={"ServerSideEncryptionConfiguration": [rule]})})
    name = stack.id_of("Bucket")
    arn = f"arn:aws:kms:{aws.region}:{aws.account}:key/{stack.id_of('Key')}"
    (stored,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert stored["BucketKeyEnabled"]
    assert stored["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert arn.endswith(stored["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    s3.put_object(Bucket=name, Key="a", Body=b"one")
    head = s3.head_object(Bucket=name, Key="a")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == ("aws:kms", arn, True)


def test_every_part_of_a_lifecycle_is_stored(stack, s3):
    rules = [
        {
            "Id": "all",
            "Status": "Enabled",
            "ExpirationInDays": 14,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
        {
            "Id": "prefix",
            "Status": "Disabled",
            "Prefix": "in/",
            "Transitions": [
                {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
                {"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 90},
            ],
        },
        {
            "Id": "both",
            "Status": "Enabled",
            "Prefix": "in/",
            "ObjectSizeGreaterThan": 131072,
            "TagFilters": [{"Key": "keep", "Value": "no"}],
            "ExpirationInDays": 1,
        },
        {"Id": "tag", "Status": "Enabled", "TagFilters": [{"Key": "a", "Value": "b"}], "ExpirationInDays": 1},
        {
            "Id": "old",
            "Status": "Enabled",
            "ExpiredObjectDeleteMarker": True,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
            "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 7}],
        },
    ]
    stack.create({"Bucket": bucket(LifecycleConfiguration={"Rules": rules})})
    stored = s3.get_bucket_lifecycle_configuration(Bucket=stack.id_of("Bucket"))["Rules"]
    rules_by_id = {rule.pop("ID"): rule for rule in stored}
    everything = {"Prefix": ""}
    assert rules_by_id == {
        "all": {
            "Status": "Enabled",
            "Filter": everything,
            "Expiration": {"Days": 14},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
        "prefix": {
            "Status": "Disabled",
            "Filter": {"Prefix": "in/"},
            "Transitions": [{"StorageClass": "STANDARD_IA", "Days": 30}, {"StorageClass": "DEEP_ARCHIVE", "Days": 90}],
        },
        "both": {
            "Status": "Enabled",
            "Expiration": {"Days": 1},
            "Filter": {
                "And": {"Prefix": "in/", "ObjectSizeGreaterThan": 131072, "Tags": [{"Key": "keep", "Value": "no"}]}
            },
        },
        "tag": {"Status": "Enabled", "Expiration": {"Days": 1}, "Filter": {"Tag": {"Key": "a", "Value": "b"}}},
        "old": {
            "Status": "Enabled",
            "Filter": everything,
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
            "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "NoncurrentDays": 7}],
        },
    }


def test_a_bucket_changes_with_its_stack(stack, s3):
    rule = {"Id": "all", "Status": "Enabled", "ExpirationInDays": 14}
    algorithm = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    stack.create({"Bucket": bucket()})
    name = stack.id_of("Bucket")
    stack.change(
        {
            "Bucket": bucket(
                LifecycleConfiguration={"Rules": [rule]},
                BucketEncryption={"ServerSideEncryptionConfiguration": [algorithm]},
            )
        }
    )
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]["Expiration"] == {"Days": 14}
    stack.change({"Bucket": bucket()})
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)


def test_object_lock_is_enabled_for_a_bucket_that_exists_and_never_disabled(stack, s3):
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    stack.create({"Bucket": bucket(**versioned)})
    name = stack.id_of("Bucket")
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 5}}
    lock = {"ObjectLockEnabled": True, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule}}
    stack.change({"Bucket": bucket(**versioned, **lock)})
    assert stack.id_of("Bucket") == name
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"] == rule
    with pytest.raises(WaiterError):
        stack.change({"Bucket": bucket(**versioned)})


def test_a_property_that_s3_refuses_fails_the_stack(stack):
    rule = {"Id": "never", "Status": "Enabled", "ExpirationInDays": 0}
    with pytest.raises(WaiterError):
        stack.create({"Bucket": bucket(LifecycleConfiguration={"Rules": [rule]})})


def test_a_table_expires_recovers_and_is_encrypted(aws, stack):
    dynamodb = aws.client("dynamodb")
    stack.create(
        {
            "Key": KEY,
            "Table": table(
                TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                SSESpecification={"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "Key"}},
            ),
        }
    )
    name = stack.id_of("Table")
    description = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert description == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    encryption = dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]
    assert (encryption["Status"], encryption["SSEType"]) == ("ENABLED", "KMS")


def test_time_to_live_changes_with_the_stack(aws, stack):
    dynamodb = aws.client("dynamodb")
    stack.create({"Table": table()})
    name = stack.id_of("Table")
    stack.change({"Table": table(TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True})})
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    stack.change({"Table": table()})
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"


def test_what_a_first_deploy_created_is_deleted_if_it_fails_except_a_protected_table(aws, stack, s3, repository):
    """RetainExceptOnCreate, as template.yaml has it. docs/delete.md says what to do about the table."""
    from samcli.yamlhelper import yaml_parse

    resources = yaml_parse((repository / "template.yaml").read_text())["Resources"]
    del resources["ArchiveBucket"]["Properties"]["InventoryConfigurations"]  # it has a parameter of the template
    kinds = {"AWS::KMS::Key", "AWS::DynamoDB::Table", "AWS::S3::Bucket"}  # policies name the roles of functions
    kept = {name: body for name, body in resources.items() if body["Type"] in kinds}
    broken = bucket(LifecycleConfiguration={"Rules": [{"Id": "never", "Status": "Enabled", "ExpirationInDays": 0}]})
    with pytest.raises(WaiterError):
        stack.create({**kept, "Broken": {**broken, "DependsOn": list(kept)}})
    buckets = [item["Name"] for item in s3.list_buckets()["Buckets"] if stack.name in item["Name"]]
    assert [name for name in buckets if "-broken-" not in name] == []
    (name,) = [name for name in aws.client("dynamodb").list_tables()["TableNames"] if stack.name in name]
    aws.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)
    aws.client("dynamodb").delete_table(TableName=name)


class TestAlarms:
    """ministack refuses alarms on an expression; here they are kept. tests/support/alarms.py evaluates them."""

    @staticmethod
    def alarm(count: int) -> dict:
        def query(number: int) -> dict:
            dimensions = [{"Name": "QueueName", "Value": f"q{number}"}]
            metric = {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent", "Dimensions": dimensions}
            return {
                "Id": f"m{number}",
                "ReturnData": False,
                "MetricStat": {"Metric": metric, "Stat": "Sum", "Period": 60},
            }

        queries = [{"Id": "total", "Expression": "SUM(METRICS())"}, *map(query, range(count))]
        properties = {"Metrics": queries, "EvaluationPeriods": 1, "Threshold": 7, "TreatMissingData": "notBreaching"}
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"ComparisonOperator": "GreaterThanThreshold", **properties},
        }

    def test_an_alarm_on_an_expression_is_made_changed_and_deleted(self, aws, stack):
        client, logical = aws.client("cloudwatch"), {"Alarm": self.alarm(2)}
        stack.create(logical)
        (alarm,) = client.describe_alarms(AlarmNames=[stack.id_of("Alarm")])["MetricAlarms"]
        assert (alarm["Threshold"], alarm["StateValue"], len(alarm["Metrics"])) == (7, "INSUFFICIENT_DATA", 3)
        assert "MetricName" not in alarm
        logical["Alarm"]["Properties"]["Threshold"] = 8
        stack.change(logical)
        (alarm,) = client.describe_alarms(AlarmNames=[stack.id_of("Alarm")])["MetricAlarms"]
        assert alarm["Threshold"] == 8

    def test_an_alarm_has_at_most_ten_metrics(self, stack):
        with pytest.raises(WaiterError):
            stack.create({"Alarm": self.alarm(11)})


CONDITIONAL = {
    "Parameters": {"Wanted": {"Type": "String"}},
    "Conditions": {"On": {"Fn::Equals": [{"Ref": "Wanted"}, "true"]}},
    "Resources": {
        "Always": {"Type": "AWS::SNS::Topic"},
        "Optional": {"Type": "AWS::SQS::Queue", "Condition": "On"},
    },
}


class TestChangeSets:
    """What `sam deploy` does: it executes a change set only if that has changes."""

    def changes(self, client, name: str, wanted: str, kind: str) -> list[tuple[str, str]]:
        """Make and execute a change set; return (action, resource) of each change."""
        request = {"StackName": name, "ChangeSetName": unique_name("changes"), "ChangeSetType": kind}
        values = [{"ParameterKey": "Wanted", "ParameterValue": wanted}]
        client.create_change_set(**request, TemplateBody=json.dumps(CONDITIONAL), Parameters=values)
        del request["ChangeSetType"]
        change_set = client.describe_change_set(**request)
        if change_set["Status"] != "FAILED":
            client.execute_change_set(**request)
            waiter = client.get_waiter(f"stack_{kind.lower()}_complete")
            waiter.wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 60})
        each = [change["ResourceChange"] for change in change_set["Changes"]]
        return [(change["Action"], change["LogicalResourceId"]) for change in each]

    def test_a_parameter_that_only_changes_a_condition_is_a_change(self, aws):
        client, name = aws.client("cloudformation"), unique_name("stack")
        assert self.changes(client, name, "true", "CREATE") == [("Add", "Always"), ("Add", "Optional")]
        assert self.changes(client, name, "true", "UPDATE") == []
        assert self.changes(client, name, "false", "UPDATE") == [("Remove", "Optional")]
        assert self.changes(client, name, "false", "UPDATE") == []
        assert self.changes(client, name, "true", "UPDATE") == [("Add", "Optional")]
