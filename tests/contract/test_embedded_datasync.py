"""The embedded DataSync: requests, permissions, executions that copy files, their reports and events."""

import json

import pytest
from botocore.exceptions import ClientError

from local.testing import (
    EventLog,
    allow,
    assume_role,
    expect_error,
    make_bucket,
    make_role,
    order_datasync,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long  # each execution takes a second at least
PRINCIPAL = "datasync.amazonaws.com"
ENDED = ("SUCCESS", "ERROR")
READ = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetObject"]
WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
ENHANCED = {"TaskMode": "ENHANCED", "Options": {"VerifyMode": "ONLY_FILES_TRANSFERRED"}}


class Bench:
    """A source bucket, a destination bucket, and a task between them."""

    def __init__(self, aws) -> None:
        self.aws, self.s3, self.sync = aws, aws.client("s3"), aws.client("datasync")
        self.source, self.target, self.reports = make_bucket(aws), make_bucket(aws), make_bucket(aws)
        self.role = make_role(aws, allow([*READ, *WRITE]), service=PRINCIPAL)

    def put(self, **files: bytes) -> None:
        for name, body in files.items():
            self.s3.put_object(Bucket=self.source, Key=f"runs/{name.replace('__', '/')}", Body=body)

    def location(self, bucket: str, prefix: str, role: str | None = None) -> str:
        config = {"BucketAccessRoleArn": role or self.role}
        request = {"S3BucketArn": f"arn:aws:s3:::{bucket}", "Subdirectory": prefix, "S3Config": config}
        return self.sync.create_location_s3(**request)["LocationArn"]

    def task(self, source: str = "", **settings) -> str:
        source = source or self.location(self.source, "runs/")
        target = self.location(self.target, "landed/")
        request = {"SourceLocationArn": source, "DestinationLocationArn": target}
        return self.sync.create_task(**request, **(settings or ENHANCED))["TaskArn"]

    def run(self, task: str, **overrides) -> dict:
        execution = self.sync.start_task_execution(TaskArn=task, **overrides)["TaskExecutionArn"]
        return self.wait(execution)

    def wait(self, execution: str) -> dict:
        def probe() -> dict | None:
            description = self.sync.describe_task_execution(TaskExecutionArn=execution)
            return description if description["Status"] in ENDED else None

        return wait_for(probe)

    def landed(self) -> dict[str, bytes]:
        items = self.s3.list_objects_v2(Bucket=self.target).get("Contents", [])
        bodies = {item["Key"]: self.s3.get_object(Bucket=self.target, Key=item["Key"])["Body"].read() for item in items}
        return {key.removeprefix("landed/"): body for key, body in bodies.items()}

    def report(self, level: str = "SUCCESSES_AND_ERRORS") -> dict:
        destination = {"S3BucketArn": f"arn:aws:s3:::{self.reports}", "Subdirectory": "reports"}
        destination["BucketAccessRoleArn"] = self.role
        return {"Destination": {"S3": destination}, "OutputType": "STANDARD", "ReportLevel": level}


@pytest.fixture
def bench(aws):
    order_datasync(aws, lost_events=False, failure="", failing_files=[], is_held=False, offline_agents=[])
    return Bench(aws)


def test_an_execution_copies_what_is_missing_and_the_next_one_nothing(bench):
    bench.put(run1__a=b"bases", run1__b=b"", run1__c=b"x" * 9_000_000)  # the last one in parts
    task = bench.task()
    first = bench.run(task)
    assert first["Status"] == "SUCCESS"
    assert (first["FilesTransferred"], first["FilesVerified"], first["BytesTransferred"]) == (3, 3, 9_000_005)
    assert bench.landed() == {"run1/a": b"bases", "run1/b": b"", "run1/c": b"x" * 9_000_000}
    assert bench.sync.describe_task(TaskArn=task)["Status"] == "AVAILABLE"
    second = bench.run(task)
    assert (second["FilesTransferred"], second["FilesSkipped"]) == (0, 3)
    bench.s3.delete_object(Bucket=bench.target, Key="landed/run1/a")  # as archiving does
    assert bench.run(task)["FilesTransferred"] == 1
    listed = bench.sync.list_task_executions(TaskArn=task)["TaskExecutions"]
    assert [each["Status"] for each in listed] == ["SUCCESS"] * 3


def test_filters_manifests_and_modes_decide_what_is_copied(bench):
    bench.put(run1__a=b"1", run1__b=b"2", run2__a=b"3")
    bench.s3.put_object(Bucket=bench.source, Key="runs/run1/x.tmp", Body=b"")
    task = bench.task()
    excludes = [{"FilterType": "SIMPLE_PATTERN", "Value": "/run2|*.tmp"}]
    assert bench.run(task, Excludes=excludes)["FilesTransferred"] == 2
    assert sorted(bench.landed()) == ["run1/a", "run1/b"]
    bench.s3.put_object(Bucket=bench.reports, Key="list.csv", Body=b"run2/a\nrun2/gone\n")
    place = {"ManifestObjectPath": "list.csv", "S3BucketArn": f"arn:aws:s3:::{bench.reports}"}
    config = {"Source": {"S3": place | {"BucketAccessRoleArn": bench.role}}, "Action": "TRANSFER", "Format": "CSV"}
    ended = bench.run(task, ManifestConfig=config)
    assert (ended["Status"], ended["FilesTransferred"], ended["FilesFailed"]["Prepare"]) == ("ERROR", 1, 1)
    assert ended["ManifestConfig"]["Source"]["S3"]["ManifestObjectPath"] == "list.csv"
    bench.put(run1__a=b"one")
    assert bench.run(task, OverrideOptions={"OverwriteMode": "NEVER"})["FilesTransferred"] == 1  # x.tmp
    assert bench.landed()["run1/a"] == b"1"
    assert bench.run(task)["FilesTransferred"] == 1
    assert bench.run(task, OverrideOptions={"TransferMode": "ALL"})["FilesTransferred"] == 4
    bench.s3.delete_object(Bucket=bench.source, Key="runs/run2/a")
    deleter = make_role(bench.aws, allow([*READ, *WRITE, "s3:DeleteObject"]), service=PRINCIPAL)
    target = bench.location(bench.target, "landed/", deleter)
    source = bench.sync.describe_task(TaskArn=task)["SourceLocationArn"]
    options = {"PreserveDeletedFiles": "REMOVE", "VerifyMode": "NONE"}
    other = bench.sync.create_task(SourceLocationArn=source, DestinationLocationArn=target, Options=options)["TaskArn"]
    assert bench.run(other)["FilesDeleted"] == 1
    assert "run2/a" not in bench.landed()


def test_each_state_is_an_event_and_an_event_may_be_lost(bench):
    log = EventLog(bench.aws, {"source": ["aws.datasync"]})
    bench.put(run1__a=b"1")
    task = bench.task()
    arn = bench.run(task)["TaskExecutionArn"]
    events = log.first(6)
    states = [event["detail"]["State"] for event in events]
    assert states == ["QUEUED", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING", "SUCCESS"]
    event = events[-1]
    assert event["detail-type"] == "DataSync Task Execution State Change"
    assert event["resources"] == [arn]
    order_datasync(bench.aws, lost_events=True)
    assert bench.run(task)["Status"] == "SUCCESS"
    order_datasync(bench.aws, lost_events=False)
    last = bench.run(task)["TaskExecutionArn"]
    assert {event["resources"][0] for event in log.first(12)} == {arn, last}


def test_failures_end_in_error_with_a_reason_and_the_report_names_the_file(bench):
    bench.put(run1__a=b"1", run1__b=b"2")
    task = bench.task(TaskMode="ENHANCED", TaskReportConfig=bench.report("ERRORS_ONLY"))
    order_datasync(bench.aws, failing_files=["run1/b"])
    ended = bench.run(task)
    assert (ended["Status"], ended["FilesTransferred"], ended["FilesFailed"]["Transfer"]) == ("ERROR", 1, 1)
    assert ended["ReportResult"] == {"Status": "SUCCESS"}
    reports = [item["Key"] for item in bench.s3.list_objects_v2(Bucket=bench.reports)["Contents"]]
    assert [key.split("/")[1] for key in reports] == ["Detailed-Reports", "Summary-Reports"]
    detail = json.loads(bench.s3.get_object(Bucket=bench.reports, Key=reports[0])["Body"].read())
    assert [entry["RelativePath"] for entry in detail["Transferred"]] == ["/run1/b"]
    order_datasync(bench.aws, failing_files=[], failure="The network is down.")
    ended = bench.run(task)
    assert (ended["Status"], ended["Result"]["ErrorDetail"]) == ("ERROR", "The network is down.")
    assert bench.run(task)["Status"] == "SUCCESS"


def test_one_execution_of_a_task_runs_at_a_time_and_may_be_cancelled(bench):
    bench.put(run1__a=b"1")
    task = bench.task()
    order_datasync(bench.aws, is_held=True)
    first = bench.sync.start_task_execution(TaskArn=task)["TaskExecutionArn"]
    second = bench.sync.start_task_execution(TaskArn=task)["TaskExecutionArn"]
    assert bench.sync.describe_task_execution(TaskExecutionArn=second)["Status"] == "QUEUED"
    described = bench.sync.describe_task(TaskArn=task)
    assert (described["Status"], described["CurrentTaskExecutionArn"]) == ("RUNNING", first)
    with expect_error("InvalidRequestException"):
        bench.sync.start_task_execution(TaskArn=task, OverrideOptions={"TaskQueueing": "DISABLED"})
    bench.sync.cancel_task_execution(TaskExecutionArn=first)
    assert bench.wait(first)["Status"] == "ERROR"
    order_datasync(bench.aws, is_held=False)
    assert bench.wait(second)["Status"] == "SUCCESS"


def test_a_share_needs_an_agent_that_is_online(bench, tmp_path):
    sync = bench.sync
    agent = sync.create_agent(ActivationKey="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", AgentName="lab")["AgentArn"]
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1/a").write_bytes(b"bases")
    nfs = {"ServerHostname": "nas.lab", "Subdirectory": "/runs", "OnPremConfig": {"AgentArns": [agent]}}
    location = sync.create_location_nfs(**nfs)["LocationArn"]
    assert sync.describe_location_nfs(LocationArn=location)["LocationUri"] == "nfs://nas.lab/runs/"
    order_datasync(bench.aws, shares={"nfs://nas.lab/runs/": str(tmp_path)})
    task = bench.task(location, Options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    assert bench.run(task)["Status"] == "SUCCESS"
    assert bench.landed() == {"run1/a": b"bases"}
    metadata = bench.s3.head_object(Bucket=bench.target, Key="landed/run1/a")["Metadata"]
    assert metadata["file-mtime"].endswith("ns")
    with expect_error("InvalidRequestException", "ENHANCED"):
        bench.task(location, **ENHANCED)
    order_datasync(bench.aws, offline_agents=[agent])
    assert sync.describe_agent(AgentArn=agent)["Status"] == "OFFLINE"
    assert sync.describe_task(TaskArn=task)["Status"] == "UNAVAILABLE"
    with expect_error("InvalidRequestException", "offline"):
        sync.start_task_execution(TaskArn=task)
    smb = {"ServerHostname": "nas.lab", "Subdirectory": "/runs", "User": "lab", "Password": "secret"}
    location = sync.create_location_smb(**smb, AgentArns=[agent])["LocationArn"]
    assert "Password" not in sync.describe_location_smb(LocationArn=location)


def test_requests_are_held_to_the_model_and_to_the_rules_of_the_modes(bench):
    with expect_error("InvalidRequestException", "enum value set"):
        bench.task(TaskMode="FAST")
    with expect_error("InvalidRequestException", "POINT_IN_TIME_CONSISTENT"):
        bench.task(TaskMode="ENHANCED", Options={"VerifyMode": "POINT_IN_TIME_CONSISTENT"})
    with expect_error("InvalidRequestException", "BytesPerSecond"):
        bench.task(TaskMode="ENHANCED", Options={"BytesPerSecond": 1000})
    with expect_error("InvalidRequestException", "one hour"):
        bench.task(Schedule={"ScheduleExpression": "rate(30 minutes)"})
    with expect_error("InvalidRequestException", "less than or equal to 1"):
        bench.task(Excludes=[{"Value": "*.tmp"}, {"Value": "*.log"}])
    with expect_error("InvalidRequestException", "subdirectory"):
        bench.location(bench.source, "/runs")
    with expect_error("InvalidRequestException", "not found"):
        bench.sync.describe_task(TaskArn="arn:aws:datasync:us-east-1:000000000000:task/task-0123456789abcdef0")


def test_updates_tags_and_deletions(bench):
    task = bench.task(TaskMode="ENHANCED", Name="runs", Tags=[{"Key": "lab", "Value": "one"}])
    bench.sync.update_task(TaskArn=task, Excludes=[{"FilterType": "SIMPLE_PATTERN", "Value": "*.tmp"}])
    described = bench.sync.describe_task(TaskArn=task)
    assert (described["Excludes"][0]["Value"], described["TaskMode"]) == ("*.tmp", "ENHANCED")
    assert described["Options"]["VerifyMode"] == "ONLY_FILES_TRANSFERRED"
    assert bench.sync.list_tags_for_resource(ResourceArn=task)["Tags"] == [{"Key": "lab", "Value": "one"}]
    with expect_error("InvalidRequestException", "used by a task"):
        bench.sync.delete_location(LocationArn=described["SourceLocationArn"])
    bench.sync.delete_task(TaskArn=task)
    bench.sync.delete_location(LocationArn=described["SourceLocationArn"])
    assert task not in [each["TaskArn"] for each in bench.sync.list_tasks()["Tasks"]]


def test_the_roles_of_the_locations_and_of_the_caller_are_enforced(bench):
    bench.put(run1__a=b"1")
    reader = make_role(bench.aws, allow(READ), service=PRINCIPAL)
    stranger = make_role(bench.aws, allow([*READ, *WRITE]))  # trusts another service
    for role, reason in ((reader, "AccessDenied"), (stranger, "assume role")):
        target = bench.location(bench.target, "landed/", role)
        source = bench.location(bench.source, "runs/")
        request = {"SourceLocationArn": source, "DestinationLocationArn": target}
        task = bench.sync.create_task(**request, **ENHANCED)["TaskArn"]
        ended = bench.run(task)
        assert ended["Status"] == "ERROR", reason
        assert not bench.landed()
    caller = make_role(bench.aws, allow(["datasync:StartTaskExecution", "datasync:CreateLocationS3"]))
    session = assume_role(bench.aws, caller).client("datasync")
    assert session.start_task_execution(TaskArn=task)["TaskExecutionArn"]
    with expect_error("AccessDeniedException"):
        session.describe_task(TaskArn=task)
    with expect_error("AccessDeniedException", "PassRole"):
        config = {"BucketAccessRoleArn": bench.role}
        session.create_location_s3(S3BucketArn=f"arn:aws:s3:::{bench.source}", S3Config=config)


TEMPLATE = {
    "Parameters": {name: {"Type": "String"} for name in ("Source", "Target", "Role", "Limit")},
    "Resources": {
        **{
            name: {
                "Type": "AWS::DataSync::LocationS3",
                "Properties": {
                    "S3BucketArn": {"Fn::Sub": f"arn:aws:s3:::${{{name}}}"},
                    "S3Config": {"BucketAccessRoleArn": {"Ref": "Role"}},
                },
            }
            for name in ("Source", "Target")
        },
        "Task": {
            "Type": "AWS::DataSync::Task",
            "Properties": {
                "SourceLocationArn": {"Ref": "SourceLocation"},
                "DestinationLocationArn": {"Fn::GetAtt": ["TargetLocation", "LocationArn"]},
                "Options": {"BytesPerSecond": {"Ref": "Limit"}, "VerifyMode": "NONE"},
            },
        },
    },
    "Outputs": {"Task": {"Value": {"Fn::GetAtt": ["Task", "TaskArn"]}}},
}
TEMPLATE["Resources"] = {
    (f"{name}Location" if name != "Task" else name): body for name, body in TEMPLATE["Resources"].items()
}


def test_cloudformation_makes_updates_and_deletes_tasks(bench):
    stacks, name = bench.aws.client("cloudformation"), unique_name("sync")
    values = {"Source": bench.source, "Target": bench.target, "Role": bench.role, "Limit": "-1"}

    def parameters(**changes: str) -> list[dict]:
        return [{"ParameterKey": key, "ParameterValue": value} for key, value in (values | changes).items()]

    body = json.dumps(TEMPLATE)
    stacks.create_stack(StackName=name, TemplateBody=body, Parameters=parameters())
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (output,) = stacks.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    task = output["OutputValue"]
    bench.s3.put_object(Bucket=bench.source, Key="a", Body=b"1")
    assert bench.run(task)["FilesTransferred"] == 1
    stacks.update_stack(StackName=name, TemplateBody=body, Parameters=parameters(Limit="1000"))
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert bench.sync.describe_task(TaskArn=task)["Options"]["BytesPerSecond"] == 1000
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    with pytest.raises(ClientError):
        bench.sync.describe_task(TaskArn=task)
