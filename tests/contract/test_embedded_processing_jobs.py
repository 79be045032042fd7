"""Processing jobs: a real program runs on objects of S3, and every failure is reported."""

import json

import pytest
from botocore.config import Config

from local.embedded import EmbeddedAws, JobLimits
from local.testing import (
    ENDED,
    EventLog,
    allow,
    assume_role,
    expect_error,
    make_bucket,
    make_role,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312-ubuntu22.04-sagemaker"
VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
# Performs the command of its first argument, and prints what the tests check to its log.
PROGRAM = """
import json, os, pathlib, subprocess, sys, time
here = pathlib.Path(__file__).resolve().parents[1]
word, *rest = sys.argv[1:]
print("command", word)
if word == "env":
    print(json.dumps(dict(os.environ)))
if word == "list":
    print(json.dumps(sorted(str(path.relative_to(here)) for path in here.rglob("*") if path.is_file())))
if word == "config":
    print((here.parents[1] / "config" / "processingjobconfig.json").read_text().strip())
if word == "read":
    print(pathlib.Path(rest[0]).read_text())
if word == "write":
    out = here.parent / "output" / "deep"
    out.mkdir(parents=True)
    (out / "a b.txt").write_text("written")
if word == "s3":
    import boto3
    s3 = boto3.client("s3")
    print(s3.get_object(Bucket=rest[0], Key=rest[1])["Body"].read().decode())
if word == "message":
    (here.parents[1] / "output" / "message").write_text("x" * 2000)
if word == "exit":
    sys.exit(int(rest[0]))
if word == "sleep":
    subprocess.Popen(["sleep", rest[0]])
    time.sleep(float(rest[0]))
"""


class Bench:
    """A bucket with the program, and a role with all permissions on S3."""

    def __init__(self, aws: EmbeddedAws):
        self.aws, self.bucket = aws, make_bucket(aws)
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.role = make_role(aws, allow(["s3:*", "logs:*"]))
        self.put("code/main.py", PROGRAM)

    def put(self, key: str, text: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def channel(self, name: str, key: str, **changes) -> dict:
        source = {"S3Uri": f"s3://{self.bucket}/{key}", "LocalPath": f"{INPUT}/{name}", "S3DataType": "S3Prefix"}
        return {"InputName": name, "S3Input": {**source, "S3InputMode": "File", **changes}}

    def request(self, *words: str, inputs=(), **changes) -> dict:
        return {
            "ProcessingJobName": unique_name("job"),
            "RoleArn": self.role,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"{INPUT}/code/main.py"],
                "ContainerArguments": list(words),
            },
            "ProcessingInputs": [self.channel("code", "code/"), *inputs],
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
            },
        } | changes

    def start(self, *words: str, **changes) -> str:
        request = self.request(*words, **changes)
        self.sagemaker.create_processing_job(**request)
        return request["ProcessingJobName"]

    def describe(self, name: str) -> dict:
        return self.sagemaker.describe_processing_job(ProcessingJobName=name)

    def wait(self, name: str) -> dict:
        return wait_for(lambda: (job := self.describe(name))["ProcessingJobStatus"] in ENDED and job, timeout=40)

    def run(self, *words: str, **changes) -> dict:
        return self.wait(self.start(*words, **changes))

    def read_log(self, job: dict) -> list[str]:
        path = self.aws.workdir / "processing-jobs" / job["ProcessingJobName"] / "container.log"
        return path.read_text().splitlines()


@pytest.fixture
def bench(aws) -> Bench:
    return Bench(aws)


def output(bench: Bench, **changes) -> dict:
    target = {"S3Uri": f"s3://{bench.bucket}/out", "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return {"Outputs": [{"OutputName": "out", "S3Output": target | changes}]}


class TestContract:
    """The files and variables of the program, and its outputs."""

    def test_inputs_are_below_their_local_paths(self, bench):
        for key in ("in/a", "in/sub/b c+%", "in/", "one/x.json", "one/x.json.more", "other"):
            bench.put(key, "" if key.endswith("/") else "x")
        job = bench.run("list", inputs=[bench.channel("in", "in/"), bench.channel("one", "one/x.json")])
        assert job["ProcessingJobStatus"] == "Completed"
        paths = ["code/main.py", "in/a", "in/sub/b c+%", "one/x.json", "one/x.json.more"]
        assert json.loads(bench.read_log(job)[1]) == paths

    def test_a_path_of_the_contract_may_be_an_argument(self, bench):
        bench.put("one/x.json", "content")
        job = bench.run("read", f"{INPUT}/one/x.json", inputs=[bench.channel("one", "one/x.json")])
        assert bench.read_log(job)[1] == "content"

    def test_the_program_has_the_permissions_of_the_role(self, bench):
        bench.put("data", "of the bucket")
        region = {"AWS_DEFAULT_REGION": bench.aws.region}
        assert bench.read_log(bench.run("s3", bench.bucket, "data", Environment=region))[1] == "of the bucket"
        reading = [allow("s3:ListBucket"), allow("s3:GetObject", f"arn:aws:s3:::{bench.bucket}/code/*")]
        job = bench.run("s3", bench.bucket, "data", Environment=region, RoleArn=make_role(bench.aws, *reading))
        assert job["ProcessingJobStatus"] == "Failed"
        assert "AccessDenied" in bench.read_log(job)[-1]

    def test_the_environment_is_that_of_the_job_without_variables_of_the_server(self, bench):
        variables = json.loads(bench.read_log(bench.run("env", Environment={"A": "1"}))[1])
        assert variables["A"] == "1"
        keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"}
        assert {name for name in variables if name.startswith(("AWS_", "MINISTACK", "PYTHONPATH", "AUTH"))} == keys

    def test_it_can_read_its_own_request(self, bench):
        job = bench.run("config")
        config = json.loads(bench.read_log(job)[1])
        assert config["ProcessingJobArn"] == job["ProcessingJobArn"]
        assert config["AppSpecification"] == job["AppSpecification"]

    def test_outputs_are_uploaded_at_the_end(self, bench):
        job = bench.run("write", ProcessingOutputConfig=output(bench))
        assert job["ProcessingJobStatus"] == "Completed"
        body = bench.s3.get_object(Bucket=bench.bucket, Key="out/deep/a b.txt")["Body"].read()
        assert body == b"written"

    def test_its_message_is_returned_and_truncated(self, bench):
        assert bench.run("message")["ExitMessage"] == "x" * 1024

    def test_its_log_goes_to_cloudwatch(self, aws, bench):
        name = bench.run("list")["ProcessingJobName"]
        logs, group = aws.client("logs"), "/aws/sagemaker/ProcessingJobs"
        (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        assert events[0]["message"] == "command list"


class TestFailures:
    def reason(self, bench: Bench, *words: str, **changes) -> str:
        job = bench.run(*words, **changes)
        assert job["ProcessingJobStatus"] == "Failed"
        assert job["ProcessingEndTime"] >= job["ProcessingStartTime"]
        return job["FailureReason"]

    def test_an_exit_status_fails_the_job_and_leaves_no_outputs(self, bench):
        reason = self.reason(bench, "exit", "3", ProcessingOutputConfig=output(bench))
        assert reason == "AlgorithmError: See job logs for more information"
        assert "Contents" not in bench.s3.list_objects_v2(Bucket=bench.bucket, Prefix="out/")

    def test_an_input_without_objects_fails_the_job(self, bench):
        reason = self.reason(bench, "list", inputs=[bench.channel("absent", "absent/")])
        assert f'No S3 objects found under S3 URL "s3://{bench.bucket}/absent/"' in reason

    def test_a_role_that_may_not_read_fails_the_job(self, bench):
        role = make_role(bench.aws, allow("s3:ListBucket", f"arn:aws:s3:::{bench.bucket}"))
        assert 'needs "s3:GetObject"' in self.reason(bench, "list", RoleArn=role)

    def test_a_role_that_may_not_write_fails_the_job(self, bench):
        reading = allow(["s3:ListBucket", "s3:GetObject"])
        role = make_role(bench.aws, reading)
        reason = self.reason(bench, "write", RoleArn=role, ProcessingOutputConfig=output(bench))
        assert 'needs "s3:PutObject"' in reason

    def test_an_absent_program_fails_the_job(self, bench):
        program = {"ImageUri": IMAGE, "ContainerEntrypoint": ["no-such-program"]}
        assert "cannot be run" in self.reason(bench, AppSpecification=program)

    def test_its_time_is_limited(self, aws, bench):
        before = aws.processes()
        job = bench.run("sleep", "60", StoppingCondition={"MaxRuntimeInSeconds": 1})
        assert (job["ProcessingJobStatus"], "MaxRuntimeInSeconds" in job["FailureReason"]) == ("Stopped", True)
        wait_for(lambda: not aws.processes() - before)


class TestRequests:
    """Requests that CreateProcessingJob refuses."""

    def test_names_are_unique_for_ever(self, bench):
        name = bench.run("list")["ProcessingJobName"]
        for duplicate in (name, name.upper()):
            with pytest.raises(bench.sagemaker.exceptions.ResourceInUse, match="already exists"):
                bench.start("list", ProcessingJobName=duplicate)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"ProcessingJobName": "a_b"}, "processingJobName"),
            ({"Environment": {"A": "x" * 257}}, "less than or equal to 256"),
            ({"Environment": {"A-B": ""}}, "regular expression"),
            ({"Environment": {f"N{number}": "" for number in range(101)}}, "less than or equal to 100"),
            ({"StoppingCondition": {"MaxRuntimeInSeconds": 777601}}, "maxRuntimeInSeconds"),
            ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "maxRuntimeInSeconds"),
            ({"AppSpecification": {"ImageUri": "i" * 256, "ContainerEntrypoint": ["a"]}}, "imageUri"),
            ({"AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["a" * 257]}}, "256"),
            ({"AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": []}}, "greater than or equal to 1"),
            ({"AppSpecification": {"ImageUri": IMAGE}}, "without ContainerEntrypoint.* not supported"),
            ({"NetworkConfig": {"EnableNetworkIsolation": True}}, "EnableNetworkIsolation is not supported"),
            ({"NetworkConfig": {"VpcConfig": VPC}}, "VpcConfig is not supported"),
            ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag"),
        ],
    )
    def test_requests_that_break_a_rule(self, aws, bench, change, message):
        lenient = aws.client("sagemaker", config=Config(parameter_validation=False))
        with expect_error("ValidationException", message):
            lenient.create_processing_job(**bench.request("list", **change))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"LocalPath": "/tmp/x"}, "absolute path below /opt/ml/processing/"),
            ({"LocalPath": f"{INPUT}/../../x"}, "absolute path below /opt/ml/processing/"),
            ({"S3InputMode": "Pipe"}, "S3InputMode Pipe is not supported"),
            ({"S3CompressionType": "Gzip"}, "S3CompressionType Gzip is not supported"),
            ({"S3DataDistributionType": "ShardedByS3Key"}, "ShardedByS3Key is not supported"),
        ],
    )
    def test_inputs_that_break_a_rule(self, bench, change, message):
        with expect_error("ValidationException", message):
            bench.start("list", inputs=[bench.channel("one", "code/", **change)])

    def test_names_of_inputs_must_be_unique(self, bench):
        with expect_error("ValidationException", "unique"):
            bench.start("list", inputs=[bench.channel("code", "code/")])

    @pytest.mark.parametrize("count", [2, 101])
    def test_several_instances_are_refused(self, bench, count):
        cluster = {"InstanceCount": count, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        with expect_error("ValidationException"):
            bench.start("list", ProcessingResources={"ClusterConfig": cluster})

    def test_continuous_outputs_are_refused(self, bench):
        with expect_error("ValidationException", "EndOfJob"):
            bench.start("write", ProcessingOutputConfig=output(bench, S3UploadMode="Continuous"))

    def test_sagemaker_must_be_able_to_assume_the_role(self, bench):
        role = make_role(bench.aws, service="lambda.amazonaws.com")
        with expect_error("ValidationException", "Could not assume role"):
            bench.start("list", RoleArn=role)

    def test_the_caller_needs_permissions_for_the_action_the_tags_and_the_role(self, aws, bench):
        resource = f"arn:aws:sagemaker:{aws.region}:{aws.account}:processing-job/allowed-*"
        may = allow(["sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"], resource)
        passing = allow(
            "iam:PassRole", bench.role, Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        )
        client = assume_role(aws, make_role(aws, may, passing)).client("sagemaker")
        client.create_processing_job(**bench.request("list", ProcessingJobName=unique_name("ALLOWED")))
        with expect_error("AccessDeniedException", "sagemaker:CreateProcessingJob on resource"):
            client.create_processing_job(**bench.request("list"))
        tagged = bench.request("list", ProcessingJobName=unique_name("allowed"), Tags=[{"Key": "a", "Value": "b"}])
        with expect_error("AccessDeniedException", "sagemaker:AddTags"):
            client.create_processing_job(**tagged)
        without = assume_role(aws, make_role(aws, may)).client("sagemaker")
        with expect_error("AccessDeniedException", "iam:PassRole"):
            without.create_processing_job(**bench.request("list", ProcessingJobName=unique_name("allowed")))

    def test_jobs_beyond_the_accounts_quota_are_refused(self, tmp_path):
        with EmbeddedAws(tmp_path, limits=JobLimits(processing=1)) as aws:
            bench = Bench(aws)
            first = bench.start("sleep", "60")
            with pytest.raises(bench.sagemaker.exceptions.ResourceLimitExceeded, match="for processing job usage"):
                bench.start("list")
            bench.sagemaker.stop_processing_job(ProcessingJobName=first)
            bench.wait(first)
            assert bench.run("list")["ProcessingJobStatus"] == "Completed"


class TestStates:
    """The states of a job in the API and in the events."""

    def test_a_job_is_described_as_requested(self, bench):
        request = bench.request(
            "list",
            Environment={"A": "1"},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
            Tags=[{"Key": "project", "Value": "seqdrop"}],
        )
        response = bench.sagemaker.create_processing_job(**request)
        job = bench.wait(request["ProcessingJobName"])
        tags = request.pop("Tags")
        assert {key: job[key] for key in request} == request
        assert job["ProcessingJobArn"] == response["ProcessingJobArn"]
        assert job["ProcessingJobArn"].endswith(f":processing-job/{request['ProcessingJobName']}")
        assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
        assert bench.sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"] == tags

    def test_jobs_are_listed(self, bench):
        stem = unique_name("list")
        for number, words in enumerate([("list",), ("exit", "1")]):
            bench.run(*words, ProcessingJobName=f"{stem}-{number}")

        def list_jobs(**filters) -> list[str]:
            summaries = bench.sagemaker.list_processing_jobs(NameContains=stem, **filters)["ProcessingJobSummaries"]
            return [summary["ProcessingJobName"][-1] for summary in summaries]

        assert list_jobs() == ["1", "0"]
        assert list_jobs(StatusEquals="Failed") == ["1"]
        assert list_jobs(SortBy="Status", SortOrder="Ascending") == ["0", "1"]

    @pytest.mark.parametrize("operation", ["describe_processing_job", "stop_processing_job"])
    def test_an_unknown_job_is_a_validation_error(self, aws, operation):
        with expect_error("ValidationException", "Could not find requested job with name: absent"):
            getattr(aws.client("sagemaker"), operation)(ProcessingJobName="absent")

    def test_a_running_job_is_stopped_with_its_child_processes(self, aws, bench):
        before = aws.processes()
        name = bench.start("sleep", "60")
        wait_for(lambda: len(aws.processes() - before) == 2)
        bench.sagemaker.stop_processing_job(ProcessingJobName=name)
        job = bench.wait(name)
        assert (job["ProcessingJobStatus"], "FailureReason" in job) == ("Stopped", False)
        wait_for(lambda: not aws.processes() - before)
        with expect_error("ValidationException", "processing job is in status Stopped"):
            bench.sagemaker.stop_processing_job(ProcessingJobName=name)

    @pytest.mark.parametrize(
        ("words", "states"),
        [
            (["list"], ["InProgress", "Completed"]),
            (["exit", "1"], ["InProgress", "Failed"]),
            (["sleep", "60"], ["InProgress", "Stopping", "Stopped"]),
        ],
    )
    def test_each_state_change_is_an_event_in_order(self, aws, bench, words, states):
        name = unique_name("Events")
        log = EventLog(aws, {"source": ["aws.sagemaker"], "detail": {"ProcessingJobName": [name]}})
        bench.start(*words, ProcessingJobName=name)
        if states[-1] == "Stopped":
            bench.sagemaker.stop_processing_job(ProcessingJobName=name)
        events = log.first(len(states))
        assert [event["detail"]["ProcessingJobStatus"] for event in events] == states
        last, job = events[-1], bench.describe(name)
        assert last["detail-type"] == "SageMaker Processing Job State Change"
        assert last["resources"] == [job["ProcessingJobArn"]]
        for member in ("ProcessingInputs", "ProcessingResources", "AppSpecification", "RoleArn"):
            assert last["detail"][member] == job[member]
        assert last["detail"]["CreationTime"] == int(job["CreationTime"].timestamp() * 1000)
