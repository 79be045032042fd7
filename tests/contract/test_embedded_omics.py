"""HealthOmics of the embedded AWS: its requests, its runs with what they write, its events and its refusals."""

import json

import pytest
from botocore.config import Config

from local.omics_testing import change_behaviour, create_workflow, make_definition
from local.testing import EventLog, allow, assume_role, expect_error, make_bucket, make_role, unique_name, wait_for

pytest_plugins = ["local.fixtures"]
pytestmark = pytest.mark.long
SERVICE = "omics.amazonaws.com"
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def client(aws):
    change_behaviour(aws, interval=0)
    return aws.client("omics")


@pytest.fixture(scope="module")
def bucket(aws):
    return make_bucket(aws)


@pytest.fixture(scope="module")
def role(aws):
    return make_role(aws, allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"]), service=SERVICE)


@pytest.fixture(scope="module")
def workflow(aws, client):
    return create_workflow(aws)


@pytest.fixture
def request_of(bucket, role, workflow):
    def make(**changes) -> dict:
        name = unique_name("run")
        request = {
            "workflowId": workflow,
            "roleArn": role,
            "name": name,
            "requestId": name,
            "outputUri": f"s3://{bucket}/out",
        }
        return request | {"parameters": {}} | changes

    return make


def put(aws, bucket: str, key: str, body: bytes) -> str:
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{key}"


def wait_for_end(client, run: str) -> dict:
    def probe() -> dict | None:
        described = client.get_run(id=run)
        return described if described["status"] in ENDED else None

    return wait_for(probe)


def test_a_run_reads_its_files_and_writes_its_outputs(aws, client, bucket, request_of):
    uri = put(aws, bucket, "in/a b.fastq", b"@r\nA\n+\nI\n")
    other = put(aws, bucket, "in/other.fastq", b"@r\n")
    sheet = put(aws, bucket, "in/sheet.csv", f"sample,fastq_1\nS1,{uri}\nS2,{other}\n".encode())
    request = request_of(parameters={"input": sheet, "deep": {"n": [uri]}}, tags={"seqdrop:analysis": "rnaseq"})
    started = client.start_run(**request)
    run = wait_for_end(client, started["id"])
    assert (run["status"], run["runOutputUri"]) == ("COMPLETED", f"s3://{bucket}/out/{started['id']}")
    assert run["tags"] == client.list_tags_for_resource(resourceArn=run["arn"])["tags"] == request["tags"]
    assert run["resourceDigests"].keys() == {sheet, uri}
    assert run["creationTime"] <= run["startTime"] <= run["stopTime"]
    body = aws.client("s3").get_object(Bucket=bucket, Key=f"out/{run['id']}/out/counts.json")["Body"].read()
    assert json.loads(body)["sizes"] == {sheet: len(uri) + len(other) + 23, uri: 9, other: 3}
    (task,) = client.list_run_tasks(id=run["id"])["items"]
    assert client.get_run_task(id=run["id"], taskId=task["taskId"])["status"] == "COMPLETED"


def test_its_statuses_are_announced(aws, client, request_of):
    inbox = EventLog(aws, {"source": ["aws.omics"], "detail-type": ["Run Status Change"]})
    change_behaviour(aws, mishaps=["twice"])
    run = client.start_run(**request_of())
    events = inbox.first(5)
    assert sorted(event["detail"]["status"] for event in events) == [
        "COMPLETED",
        "COMPLETED",
        "PENDING",
        "RUNNING",
        "STARTING",
    ]
    assert {event["detail"]["arn"] for event in events} == {run["arn"]}
    assert events[0]["detail"].keys() >= {"omicsVersion", "uuid", "runId", "runName", "workflowId"}


def test_a_token_starts_one_run(client, request_of):
    request = request_of()
    first = client.start_run(**request)
    assert client.start_run(**request)["id"] == first["id"]
    assert [run["id"] for run in client.list_runs(name=request["name"])["items"]] == [first["id"]]
    with expect_error("ConflictException", "other parameters"):
        client.start_run(**request | {"priority": 5})
    assert client.start_run(**request | {"requestId": "another"})["id"] != first["id"]


def test_a_program_that_fails_fails_its_run(aws, client, bucket, request_of):
    uri = put(aws, bucket, "in/bad.fastq", b"FAIL")
    run = wait_for_end(client, client.start_run(**request_of(parameters={"x": uri}))["id"])
    assert (run["status"], run["failureReason"]) == ("FAILED", "WORKFLOW_RUN_FAILED")
    assert run["statusMessage"] == "the aligner found no read"
    missing = client.start_run(**request_of(parameters={"x": f"s3://{bucket}/in/none"}))
    assert wait_for_end(client, missing["id"])["failureReason"] == "IMPORT_FAILED"


def test_a_run_has_the_permissions_of_its_role_only(aws, client, bucket, request_of):
    uri = put(aws, bucket, "in/c.fastq", b"x")
    narrow = make_role(aws, allow("s3:GetObject"), service=SERVICE)
    run = wait_for_end(client, client.start_run(**request_of(roleArn=narrow, parameters={"x": uri}))["id"])
    assert run["failureReason"] == "EXPORT_FAILED"
    assert "s3:PutObject" in run["statusMessage"]
    with expect_error("ValidationException", "assume"):
        client.start_run(**request_of(roleArn=make_role(aws, allow("s3:GetObject"))))


def test_a_caller_needs_the_workflow_the_run_the_tags_and_the_role(aws, client, role, workflow, request_of):
    actions = [("omics:StartRun", "arn:aws:omics:*:*:workflow/*"), ("omics:StartRun", "arn:aws:omics:*:*:run/*")]
    actions += [("omics:TagResource", "*"), ("iam:PassRole", role)]
    request = request_of(tags={"a": "b"})
    for left_out in actions:
        some = make_role(aws, *(allow(*each) for each in actions if each != left_out))
        with expect_error("AccessDeniedException", left_out[0]):
            assume_role(aws, some).client("omics").start_run(**request)
    everything = assume_role(aws, make_role(aws, *(allow(*each) for each in actions))).client("omics")
    run = everything.start_run(**request)
    with expect_error("AccessDeniedException", "omics:GetRun"):
        everything.get_run(id=run["id"])


def test_requests_are_held_to_the_model(client, request_of):
    for changes, word in [
        ({"storageType": "FAST"}, "enum value set"),
        ({"workflowId": "abc"}, "regular expression"),
        ({"storageCapacity": 100_001}, "less than or equal to 100000"),
        ({"name": "x" * 129}, "length less than or equal to 128"),
    ]:
        with expect_error("ValidationException", word):
            client.start_run(**request_of(**changes))
    with expect_error("ResourceNotFoundException"):
        client.start_run(**request_of(workflowId="999"))
    with expect_error("ResourceNotFoundException"):
        client.get_run(id="999")


def test_starts_have_a_rate_and_a_quota(aws, client, request_of):
    change_behaviour(aws, interval=60, refusals=["ServiceQuotaExceededException"])
    patient = aws.client("omics", config=Config(retries={"total_max_attempts": 1}))
    with expect_error("ServiceQuotaExceededException"):
        patient.start_run(**request_of())
    patient.start_run(**request_of())
    with expect_error("ThrottlingException", "Rate exceeded"):
        patient.start_run(**request_of())
    change_behaviour(aws, interval=0)


def test_a_run_can_be_cancelled_and_deleted(aws, client, request_of):
    change_behaviour(aws, hold=True)
    run = client.start_run(**request_of())["id"]
    wait_for(lambda: client.get_run(id=run)["status"] == "RUNNING")
    client.cancel_run(id=run)
    change_behaviour(aws, hold=False)
    assert wait_for_end(client, run)["status"] == "CANCELLED"
    with expect_error("ConflictException"):
        client.cancel_run(id=run)
    client.delete_run(id=run)
    with expect_error("ResourceNotFoundException"):
        client.get_run(id=run)


def test_workflows_and_run_groups(client, workflow, request_of):
    described = client.get_workflow(id=workflow)
    assert (described["status"], described["engine"], described["type"]) == ("ACTIVE", "WDL", "PRIVATE")
    assert workflow in [item["id"] for item in client.list_workflows(name="count")["items"]]
    with expect_error("ValidationException", "main.nf"):
        client.create_workflow(name="x", engine="NEXTFLOW", definitionZip=make_definition({"main.wdl": ""}))
    with expect_error("ValidationException", "zip"):
        client.create_workflow(name="x", engine="WDL", definitionZip=b"text")
    nextflow = client.create_workflow(name="x", engine="NEXTFLOW", definitionZip=make_definition({"main.nf": ""}))["id"]
    run = wait_for_end(client, client.start_run(**request_of(workflowId=nextflow))["id"])
    assert "run_locally.py" in run["statusMessage"]
    group = client.create_run_group(name="small", maxRuns=2)["id"]
    assert client.get_run_group(id=group)["maxRuns"] == 2
    assert client.get_run(id=client.start_run(**request_of(runGroupId=group))["id"])["runGroupId"] == group
    ready = client.get_workflow(id="9500764", type="READY2RUN")
    assert ready["type"] == "READY2RUN"
    client.delete_workflow(id=nextflow)
    with expect_error("ResourceNotFoundException"):
        client.get_workflow(id=nextflow)


def test_events_may_be_bound_to_a_source(aws):
    """The function workflow may emit events of Seqdrop only (local/patches/event_permissions.py)."""
    bound = {"ForAllValues:StringEquals": {"events:source": "seqdrop"}, "Null": {"events:source": "false"}}
    events = assume_role(aws, make_role(aws, allow("events:PutEvents", Condition=bound))).client("events")
    entry = {"Source": "seqdrop", "DetailType": "x", "Detail": "{}"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    for others in ([entry | {"Source": "other"}], [entry, entry | {"Source": "other"}]):
        with expect_error("AccessDeniedException", "events:PutEvents"):
            events.put_events(Entries=others)
