"""Feature Store on the embedded AWS: groups, records, the online store, the offline store as an Iceberg table."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from local.testing import allow, assume_role, expect_error, make_bucket, make_role, unique_name, wait_for
from tests.support.aws.feature_store import FeatureStore
from tests.support.iceberg import read_rows

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long

FEATURES = [
    {"FeatureName": "sample_id", "FeatureType": "String"},
    {"FeatureName": "event_time", "FeatureType": "String"},
    {"FeatureName": "reads", "FeatureType": "Integral"},
    {"FeatureName": "gc", "FeatureType": "Fractional"},
]
NOON = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T12:00:01Z"
EARLIER = "2026-03-01T11:59:59.500Z"


class Bench:
    """Feature groups of tests, with what they need."""

    def __init__(self, aws):
        self.aws, self.bucket = aws, make_bucket(aws)
        self.sagemaker, self.records = aws.client("sagemaker"), aws.client("sagemaker-featurestore-runtime")
        self.role = make_role(aws, *self.role_statements())

    def role_statements(self) -> list[dict]:
        """Return what AWS's managed policy AmazonSageMakerFeatureStoreAccess allows, for this bucket."""
        arn = f"arn:aws:s3:::{self.bucket}"
        return [
            allow(["s3:PutObject", "s3:GetBucketAcl", "s3:PutObjectAcl"], [arn, f"{arn}/*"]),
            allow("s3:GetObject", f"{arn}/*/metadata/*"),
            allow(["glue:GetTable", "glue:UpdateTable"]),
        ]

    def request(self, **changes) -> dict:
        offline = {"S3StorageConfig": {"S3Uri": f"s3://{self.bucket}/features/"}, "TableFormat": "Iceberg"}
        request = {
            "FeatureGroupName": unique_name("group"),
            "RecordIdentifierFeatureName": "sample_id",
            "EventTimeFeatureName": "event_time",
            "FeatureDefinitions": FEATURES,
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": offline,
            "RoleArn": self.role,
        }
        return {name: value for name, value in (request | changes).items() if value is not None}

    def create(self, **changes) -> str:
        request = self.request(**changes)
        self.sagemaker.create_feature_group(**request)
        self.await_status(request["FeatureGroupName"], "Created")
        return request["FeatureGroupName"]

    def describe(self, name: str) -> dict:
        return self.sagemaker.describe_feature_group(FeatureGroupName=name)

    def await_status(self, name: str, status: str) -> dict:
        def probe():
            group = self.describe(name)
            return group if group["FeatureGroupStatus"] != "Creating" else None

        group = wait_for(probe)
        assert group["FeatureGroupStatus"] == status, group.get("FailureReason")
        return group

    def await_update(self, name: str) -> None:
        wait_for(lambda: self.describe(name)["LastUpdateStatus"]["Status"] == "Successful")

    def put(self, group: str, time: str = NOON, identifier: str = "a", stores=None, ttl=None, **values) -> None:
        options = {"TargetStores": stores} if stores else {}
        if ttl:
            options["TtlDuration"] = ttl
        record = {"sample_id": identifier, "event_time": time} | values
        self.records.put_record(FeatureGroupName=group, Record=to_record(record), **options)

    def get(self, group: str, identifier: str = "a", **options) -> dict | None:
        response = self.records.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=identifier, **options)
        return to_dict(response["Record"]) if "Record" in response else None

    def delete(self, group: str, time: str, identifier: str = "a", **options) -> None:
        self.records.delete_record(
            FeatureGroupName=group, RecordIdentifierValueAsString=identifier, EventTime=time, **options
        )

    def rows(self, group: str, count: int) -> list[dict]:
        """Return the rows of the offline store in the order of their calls, once there are as many as `count`."""
        catalog = self.describe(group)["OfflineStoreConfig"]["DataCatalogConfig"]
        table = (catalog["Database"], catalog["TableName"])
        rows = wait_for(lambda: rows if len(rows := read_rows(self.aws, table)) >= count else None)
        assert len(rows) == count
        return sorted(rows, key=lambda row: row["api_invocation_time"])


def to_record(values: dict) -> list[dict]:
    return [{"FeatureName": name, "ValueAsString": str(value)} for name, value in values.items()]


def to_dict(record: list[dict]) -> dict:
    return {each["FeatureName"]: each["ValueAsString"] for each in record}


@pytest.fixture(scope="module")
def bench(aws) -> Bench:
    return Bench(aws)


@pytest.fixture(scope="module")
def group(bench) -> str:
    return bench.create()


def test_a_group_is_described_as_it_was_created(bench, aws):
    request = bench.request(Description="figures of samples", Tags=[{"Key": "project", "Value": "p1"}])
    arn = bench.sagemaker.create_feature_group(**request)["FeatureGroupArn"]
    name = request["FeatureGroupName"]
    assert arn == f"arn:aws:sagemaker:{aws.region}:{aws.account}:feature-group/{name}"
    group = bench.await_status(name, "Created")
    assert group["FeatureDefinitions"] == FEATURES
    assert group["OnlineStoreConfig"] == {"EnableOnlineStore": True, "StorageType": "Standard"}
    offline = group["OfflineStoreConfig"]
    resolved = offline["S3StorageConfig"]["ResolvedOutputS3Uri"]
    stamp = int(group["CreationTime"].timestamp())
    folder = f"{aws.account}/sagemaker/{aws.region}/offline-store/{name}-{stamp}/data"
    assert resolved == f"s3://{bench.bucket}/features/{folder}"
    assert offline["DataCatalogConfig"] == {
        "Catalog": "AwsDataCatalog",
        "Database": "sagemaker_featurestore",
        "TableName": f"{name}_{stamp}".replace("-", "_"),
    }
    assert (group["OfflineStoreStatus"], group["Description"]) == ({"Status": "Active"}, "figures of samples")
    tags = bench.sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "project", "Value": "p1"}]
    assert bench.sagemaker.describe_feature_group(FeatureGroupName=arn)["FeatureGroupArn"] == arn


def test_the_table_is_registered_in_glue(bench, aws, group):
    catalog = bench.describe(group)["OfflineStoreConfig"]["DataCatalogConfig"]
    table = aws.client("glue").get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])["Table"]
    assert table["Parameters"]["table_type"] == "ICEBERG"
    types = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert types == {
        "sample_id": "string",
        "event_time": "string",
        "reads": "bigint",
        "gc": "double",
        "write_time": "timestamp",
        "api_invocation_time": "timestamp",
        "is_deleted": "boolean",
    }


def test_groups_are_listed_and_a_name_is_used_once(bench, group):
    listed = bench.sagemaker.list_feature_groups(NameContains=group, SortBy="FeatureGroupStatus")
    (summary,) = listed["FeatureGroupSummaries"]
    assert (summary["FeatureGroupName"], summary["FeatureGroupStatus"]) == (group, "Created")
    with expect_error("ResourceInUse"):
        bench.sagemaker.create_feature_group(**bench.request(FeatureGroupName=group))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"FeatureDefinitions": [*FEATURES, {"FeatureName": "Is_Deleted", "FeatureType": "String"}]}, "reserved"),
        ({"FeatureDefinitions": [*FEATURES, FEATURES[-1]]}, "Duplicate"),
        ({"RecordIdentifierFeatureName": "absent"}, "not among"),
        ({"EventTimeFeatureName": "reads"}, "String or Fractional"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": False}, "OfflineStoreConfig": None}, "At least one"),
        ({"RoleArn": None}, "RoleArn"),
        ({"FeatureDefinitions": [*FEATURES, {"FeatureName": "x", "FeatureType": "Float"}]}, "enum value set"),
        ({"FeatureGroupName": "a_" * 40}, "less than or equal to 64"),
        ({"FeatureGroupName": "-a"}, "regular expression"),
        ({"Description": "d" * 129}, "less than or equal to 128"),
        (
            {"FeatureDefinitions": [{"FeatureName": f"f{n}", "FeatureType": "String"} for n in range(2501)]},
            "less than or equal to 2500",
        ),
    ],
)
def test_definitions_that_break_a_rule_are_refused(bench, changes, message):
    with expect_error("ValidationException", message):
        bench.sagemaker.create_feature_group(**bench.request(**changes))


def test_a_record_is_read_as_it_was_written(bench, group):
    bench.put(group, reads=12, gc=0.41)
    assert bench.get(group) == {"sample_id": "a", "event_time": NOON, "reads": "12", "gc": "0.41"}
    assert bench.get(group, FeatureNames=["gc", "reads"]) == {"gc": "0.41", "reads": "12"}
    assert bench.get(group, "absent") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"time": "2026-03-01T12:00:00+00:00"}, "event time"),
        ({"time": "2026-03-01T12:00:00.123456Z"}, "event time"),
        ({"time": "2026-02-30T12:00:00Z"}, "event time"),
        ({"reads": "1.5"}, "64-bit integer"),
        ({"reads": str(2**63)}, "64-bit integer"),
        ({"gc": "high"}, "not a number"),
        ({"gc": "nan"}, "not a number"),
        ({"unknown": "1"}, "not in the feature group"),
        ({"identifier": ""}, "needs a value"),
    ],
)
def test_values_that_break_a_rule_are_refused(bench, group, values, message):
    with expect_error("ValidationError", message):
        bench.put(group, **values)


def test_an_older_or_equal_event_time_only_reaches_the_offline_store(bench):
    group = bench.create()
    bench.put(group, NOON, reads=1)
    bench.put(group, EARLIER, reads=2)
    bench.put(group, NOON, reads=3)
    assert bench.get(group)["reads"] == "1"
    bench.put(group, LATER, gc=0.5)
    assert bench.get(group) == {"sample_id": "a", "event_time": LATER, "gc": "0.5"}  # a record replaces all features
    rows = bench.rows(group, 4)
    assert [(row["event_time"], row["reads"], row["gc"]) for row in rows] == [
        (NOON, 1, None),
        (EARLIER, 2, None),
        (NOON, 3, None),
        (LATER, None, 0.5),
    ]
    assert not any(row["is_deleted"] for row in rows)
    assert all(row["api_invocation_time"] <= row["write_time"] for row in rows)


def test_files_of_the_table_lie_where_the_service_puts_them(bench, aws):
    group = bench.create()
    bench.put(group, reads=1)
    bench.rows(group, 1)
    resolved = bench.describe(group)["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    prefix = resolved.removeprefix(f"s3://{bench.bucket}/").removesuffix("data")
    listed = aws.client("s3").list_objects_v2(Bucket=bench.bucket, Prefix=prefix)["Contents"]
    names = [each["Key"].removeprefix(prefix) for each in listed]
    assert [name for name in names if name.startswith("data/event_time_trunc=2026-03-01/")]
    assert all(name.startswith(("data/", "metadata/")) for name in names)


def test_target_stores_select_the_stores(bench):
    group = bench.create()
    bench.put(group, stores=["OnlineStore"], reads=1)
    bench.put(group, LATER, stores=["OfflineStore"], reads=2)
    assert bench.get(group)["reads"] == "1"
    assert [row["reads"] for row in bench.rows(group, 1)] == [2]
    online = bench.create(OfflineStoreConfig=None, RoleArn=None)
    with expect_error("ValidationError", "no OfflineStore"):
        bench.put(online, stores=["OfflineStore"])
    offline = bench.create(OnlineStoreConfig=None)
    bench.put(offline)
    with expect_error("ValidationError", "no online store"):
        bench.get(offline)


def test_a_record_expires_after_its_event_time(bench):
    group = bench.create(
        OfflineStoreConfig=None,
        RoleArn=None,
        OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Days", "Value": 1}},
    )
    recent = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    text = f"{recent:%Y-%m-%dT%H:%M:%SZ}"
    bench.put(group, NOON, "old")
    bench.put(group, text, "new")
    bench.put(group, text, "short", ttl={"Unit": "Minutes", "Value": 30})
    assert [bench.get(group, name) is None for name in ("old", "new", "short")] == [True, False, True]
    response = bench.records.get_record(
        FeatureGroupName=group, RecordIdentifierValueAsString="new", ExpirationTimeResponse="Enabled"
    )
    assert response["ExpiresAt"] == f"{recent + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    bench.sagemaker.update_feature_group(
        FeatureGroupName=group, OnlineStoreConfig={"TtlDuration": {"Unit": "Weeks", "Value": 1}}
    )
    bench.await_update(group)
    assert bench.describe(group)["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Weeks", "Value": 1}


def test_a_soft_deletion_hides_a_record_and_leaves_a_marker(bench):
    group = bench.create()
    bench.put(group, reads=1)
    bench.delete(group, EARLIER)
    assert bench.get(group)["reads"] == "1"  # not later than the record
    bench.delete(group, LATER)
    assert bench.get(group) is None
    bench.put(group, NOON, reads=2)  # older than the deletion
    assert bench.get(group) is None
    rows = bench.rows(group, 4)
    assert [(row["event_time"], row["is_deleted"], row["reads"]) for row in rows] == [
        (NOON, False, 1),
        (EARLIER, True, None),
        (LATER, True, None),
        (NOON, False, 2),
    ]


def test_a_hard_deletion_removes_a_record_or_is_refused(bench):
    group = bench.create()
    bench.put(group, reads=1)
    with expect_error("ValidationError", "not later"):
        bench.delete(group, NOON, DeletionMode="HardDelete")
    bench.delete(group, LATER, DeletionMode="HardDelete")
    assert bench.get(group) is None
    bench.put(group, NOON, reads=2)
    assert bench.get(group)["reads"] == "2"
    assert [row["is_deleted"] for row in bench.rows(group, 3)] == [False, True, False]


def test_several_records_are_read_at_once(bench, group):
    bench.put(group, identifier="b1", reads=1)
    bench.put(group, identifier="b2", reads=2, gc=0.2)
    response = bench.records.batch_get_record(
        Identifiers=[
            {
                "FeatureGroupName": group,
                "RecordIdentifiersValueAsString": ["b1", "b2", "absent"],
                "FeatureNames": ["reads"],
            },
            {"FeatureGroupName": "no-such-group", "RecordIdentifiersValueAsString": ["b1"]},
        ]
    )
    values = {each["RecordIdentifierValueAsString"]: to_dict(each["Record"]) for each in response["Records"]}
    assert values == {"b1": {"reads": "1"}, "b2": {"reads": "2"}}
    assert [error["FeatureGroupName"] for error in response["Errors"]] == ["no-such-group"]


def test_an_added_feature_leaves_old_records_readable(bench):
    group = bench.create()
    bench.put(group, reads=1)
    with expect_error("ValidationError", "not in the feature group"):
        bench.put(group, LATER, n50=9)
    additions = [{"FeatureName": "n50", "FeatureType": "Integral"}]
    bench.sagemaker.update_feature_group(FeatureGroupName=group, FeatureAdditions=additions)
    bench.await_update(group)
    assert bench.describe(group)["FeatureDefinitions"] == [*FEATURES, *additions]
    assert bench.get(group)["reads"] == "1"
    bench.put(group, LATER, reads=1, n50=9)
    assert bench.get(group)["n50"] == "9"
    assert [row["n50"] for row in bench.rows(group, 2)] == [None, 9]
    with expect_error("ValidationException", "Duplicate"):
        bench.sagemaker.update_feature_group(FeatureGroupName=group, FeatureAdditions=additions)
    with expect_error("ValidationException", "Exactly one"):
        bench.sagemaker.update_feature_group(FeatureGroupName=group)


def test_a_feature_has_a_description_and_parameters(bench, group):
    key = {"FeatureGroupName": group, "FeatureName": "gc"}
    changes = {"Description": "share of G and C", "ParameterAdditions": [{"Key": "unit", "Value": "share"}]}
    bench.sagemaker.update_feature_metadata(**key, **changes)
    feature = bench.sagemaker.describe_feature_metadata(**key)
    assert (feature["FeatureType"], feature["Description"]) == ("Fractional", "share of G and C")
    assert feature["Parameters"] == [{"Key": "unit", "Value": "share"}]
    bench.sagemaker.update_feature_metadata(**key, ParameterRemovals=["unit"])
    assert not bench.sagemaker.describe_feature_metadata(**key).get("Parameters")
    with expect_error("ResourceNotFound"):
        bench.sagemaker.describe_feature_metadata(FeatureGroupName=group, FeatureName="absent")


def test_a_deleted_group_leaves_its_table(bench):
    group = bench.create()
    bench.put(group, reads=1)
    catalog = bench.describe(group)["OfflineStoreConfig"]["DataCatalogConfig"]
    bench.sagemaker.delete_feature_group(FeatureGroupName=group)

    def is_gone() -> bool:
        groups = bench.sagemaker.list_feature_groups(NameContains=group)["FeatureGroupSummaries"]
        return not groups

    wait_for(is_gone)
    with expect_error("ResourceNotFound"):
        bench.describe(group)
    with expect_error("ResourceNotFound"):
        bench.get(group)
    with expect_error("ValidationError"):
        bench.put(group)
    assert [row["reads"] for row in read_rows(bench.aws, (catalog["Database"], catalog["TableName"]))] == [1]
    bench.create(FeatureGroupName=group)
    assert bench.get(group) is None


def test_a_role_that_may_not_write_fails_the_group(bench, aws):
    request = bench.request(RoleArn=make_role(aws, allow("glue:*")))
    bench.sagemaker.create_feature_group(**request)
    group = bench.await_status(request["FeatureGroupName"], "CreateFailed")
    assert "AccessDenied" in group["FailureReason"]
    bench.sagemaker.delete_feature_group(FeatureGroupName=request["FeatureGroupName"])


def test_permissions_of_the_caller_are_checked(bench, aws, group):
    arn = f"arn:aws:sagemaker:{aws.region}:{aws.account}:feature-group/{group}"
    reader = assume_role(aws, make_role(aws, allow("sagemaker:GetRecord", arn)))
    records = reader.client("sagemaker-featurestore-runtime")
    records.get_record(FeatureGroupName=group, RecordIdentifierValueAsString="a")
    with expect_error("AccessDeniedException", "sagemaker:PutRecord"):
        records.put_record(FeatureGroupName=group, Record=to_record({"sample_id": "z", "event_time": NOON}))
    with expect_error("AccessDeniedException", "sagemaker:BatchGetRecord"):
        records.batch_get_record(Identifiers=[{"FeatureGroupName": group, "RecordIdentifiersValueAsString": ["a"]}])
    creator = assume_role(aws, make_role(aws, allow(["sagemaker:CreateFeatureGroup", "iam:PassRole"])))
    with expect_error("AccessDeniedException", "glue:CreateTable"):
        creator.client("sagemaker").create_feature_group(**bench.request())


def test_the_key_of_the_online_store_is_needed(bench, aws):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    config = {"EnableOnlineStore": True, "SecurityConfig": {"KmsKeyId": key}}
    group = bench.create(OnlineStoreConfig=config, OfflineStoreConfig=None, RoleArn=None)
    bench.put(group, reads=1)
    actions = ["sagemaker:GetRecord"]
    without = assume_role(aws, make_role(aws, allow(actions))).client("sagemaker-featurestore-runtime")
    with expect_error("AccessForbidden", "kms:Decrypt"):
        without.get_record(FeatureGroupName=group, RecordIdentifierValueAsString="a")
    role = make_role(aws, allow(actions), allow("kms:Decrypt", key))
    records = assume_role(aws, role).client("sagemaker-featurestore-runtime")
    assert "Record" in records.get_record(FeatureGroupName=group, RecordIdentifierValueAsString="a")


def test_files_are_encrypted_with_the_key_of_the_offline_store(bench, aws):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    role = make_role(aws, *bench.role_statements(), allow(["kms:GenerateDataKey", "kms:Decrypt"], key))
    storage = {"S3Uri": f"s3://{bench.bucket}/encrypted", "KmsKeyId": key}
    group = bench.create(RoleArn=role, OfflineStoreConfig={"S3StorageConfig": storage, "TableFormat": "Iceberg"})
    bench.put(group, reads=1)
    bench.rows(group, 1)
    s3 = aws.client("s3")
    for each in s3.list_objects_v2(Bucket=bench.bucket, Prefix="encrypted/")["Contents"]:
        assert s3.head_object(Bucket=bench.bucket, Key=each["Key"])["SSEKMSKeyId"] == key


def test_records_survive_a_kill_of_the_service(bench, aws):
    group = bench.create()
    bench.put(group, reads=1)
    bench.put(group, LATER, "b", reads=2)
    aws.restart_sagemaker()
    assert bench.get(group)["reads"] == "1"
    assert {row["reads"] for row in bench.rows(group, 2)} == {1, 2}
    bench.put(group, LATER, reads=3)
    assert bench.get(group)["reads"] == "3"
    assert len(bench.rows(group, 3)) == 3


class Stack:
    """A stack whose only resource is a feature group."""

    def __init__(self, bench):
        self._client, self.name = bench.aws.client("cloudformation"), unique_name("stack")
        request = bench.request(RoleArn=bench.role)
        self.properties = request | {"OnlineStoreConfig": {"EnableOnlineStore": "true"}}
        self.group = request["FeatureGroupName"]

    def create(self) -> None:
        self._client.create_stack(StackName=self.name, TemplateBody=self._body())
        self._client.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def change(self, **changes) -> str:
        self._client.update_stack(StackName=self.name, TemplateBody=self._body(**changes))
        return wait_for(self._ended)

    def delete(self) -> None:
        self._client.delete_stack(StackName=self.name)
        self._client.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def _ended(self) -> str | None:
        (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack["StackStatus"]

    def _body(self, **changes) -> str:
        group = {"Type": "AWS::SageMaker::FeatureGroup", "Properties": self.properties | changes}
        return json.dumps({"Resources": {"Group": group}})


def test_a_stack_creates_extends_and_deletes_a_group(bench):
    stack = Stack(bench)
    stack.create()
    bench.put(stack.group, reads=1)
    more = [*FEATURES, {"FeatureName": "n50", "FeatureType": "Integral"}]
    ttl = {"EnableOnlineStore": "true", "TtlDuration": {"Unit": "Weeks", "Value": "5000"}}
    assert stack.change(FeatureDefinitions=more, OnlineStoreConfig=ttl) == "UPDATE_COMPLETE"
    assert bench.get(stack.group)["reads"] == "1"
    bench.put(stack.group, LATER, reads=1, n50=5)
    assert bench.describe(stack.group)["OnlineStoreConfig"]["TtlDuration"]["Value"] == 5000
    assert stack.change(FeatureDefinitions=more, Description="another") == "UPDATE_ROLLBACK_COMPLETE"
    assert bench.get(stack.group)["n50"] == "5"
    stack.delete()
    with expect_error("ResourceNotFound"):
        bench.describe(stack.group)


@pytest.mark.parametrize(
    "changes",
    [
        {"OnlineStoreConfig": {"EnableOnlineStore": True, "StorageType": "InMemory"}},
        {"OnlineStoreConfig": {"EnableOnlineStore": True, "StorageType": "Standard_V2"}},
        {"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://any/"}, "TableFormat": "Glue"}},
        {"ThroughputConfig": {"ThroughputMode": "Provisioned", "ProvisionedWriteCapacityUnits": 1}},
        {"FeatureDefinitions": [*FEATURES, {"FeatureName": "x", "FeatureType": "String", "CollectionType": "List"}]},
    ],
)
def test_what_is_not_supported_is_refused(bench, group, changes):
    with expect_error("ValidationException", "not supported by the embedded SageMaker"):
        bench.sagemaker.create_feature_group(**bench.request(**changes))
    with expect_error("ValidationError", "no operation ListRecords"):
        bench.records.list_records(FeatureGroupName=group)


def test_the_fake_of_unit_tests_keeps_the_same_records(bench):
    """The same calls, of all orders of event times, in the fake and here."""
    group = bench.create(OfflineStoreConfig=None, RoleArn=None)
    fake = FeatureStore({group: [each["FeatureName"] for each in FEATURES]}, identifier="sample_id")
    steps = [("put", NOON), ("put", "2026-03-01T11:00:00Z"), ("put", NOON), ("delete", NOON), ("put", LATER)]
    steps += [("delete", "2026-03-01T13:00:00Z"), ("put", "2026-03-01T12:30:00Z"), ("put", "2026-03-01T14:00:00Z")]
    for number, (kind, event_time) in enumerate(steps):
        for records in (bench.records, fake):
            if kind == "put":
                values = {"sample_id": "a", "event_time": event_time, "reads": number}
                records.put_record(FeatureGroupName=group, Record=to_record(values))
            else:
                records.delete_record(FeatureGroupName=group, RecordIdentifierValueAsString="a", EventTime=event_time)
        response = fake.get_record(FeatureGroupName=group, RecordIdentifierValueAsString="a")
        assert bench.get(group) == (to_dict(response["Record"]) if response else None), number
