"""Training jobs: a real script runs under SageMaker's contract, and every failure is reported."""

import io
import json
import tarfile

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
    make_model_archive,
    make_role,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.9.0-gpu-py312"
CHECKPOINTS = "/opt/ml/checkpoints"
# Performs the command of --say, and prints what the tests check to its log.
SCRIPT = """
import json, os, pathlib, signal, subprocess, sys, time
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
word, env = arguments["--say"], os.environ
model, out = pathlib.Path(env["SM_MODEL_DIR"]), pathlib.Path(env["SM_OUTPUT_DATA_DIR"])
checkpoints = pathlib.Path(env["SEQDROP_CHECKPOINTS"])
print("command", word)
if word == "arguments":
    print(json.dumps(sys.argv[1:]))
if word == "env":
    print(json.dumps(dict(env)))
if word == "list":
    root = pathlib.Path(env["SM_INPUT_DIR"])
    print(json.dumps(sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())))
if word == "config":
    for name in ("hyperparameters", "inputdataconfig", "resourceconfig"):
        print((pathlib.Path(env["SM_INPUT_CONFIG_DIR"]) / f"{name}.json").read_text().strip())
if word == "write":
    (model / "code").mkdir()
    (model / "config.json").write_text("{}")
    (model / "code" / "a.py").write_text("1")
    (out / "card.json").write_text("{}")
    print("loss=0.5 q3=0.6")
    print("loss=nan q3=0.75")
if word == "resume":
    before = checkpoints / "step-1" / "state"
    print("state", before.read_text() if before.exists() else None)
    before.parent.mkdir(exist_ok=True)
    before.write_text("after one")
if word == "fail":
    (pathlib.Path(env["SM_OUTPUT_DIR"]) / "failure").write_text("x" * 2000)
    sys.exit(3)
if word == "crash":
    (checkpoints / "state").write_text("half")
    raise SystemExit("no such thing")
if word == "rank":
    (model / ("rank-" + env["RANK"])).write_text(env["WORLD_SIZE"])
if word == "sleep":
    subprocess.Popen(["sleep", "60"])
    def leave(*_):
        (checkpoints / "state").write_text("terminated")
        (model / "half").write_text("")
        sys.exit(143)
    signal.signal(signal.SIGTERM, leave)
    (checkpoints / "started").write_text("")
    time.sleep(60)
"""


class Bench:
    """A bucket with the script, and a role with all permissions on S3."""

    def __init__(self, aws: EmbeddedAws):
        self.aws, self.bucket = aws, make_bucket(aws)
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.role = make_role(aws, allow(["s3:*", "logs:*"]))
        self.put("code/sourcedir.tar.gz", make_model_archive({"train.py": SCRIPT}))
        self.put("data/train.jsonl", b"{}")

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def channel(self, name: str, key: str, source=None, **changes) -> dict:
        data = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{key}"} | (source or {})
        return {"ChannelName": name, "DataSource": {"S3DataSource": data}, **changes}

    def request(self, word: str, inputs=(), hyperparameters=None, **changes) -> dict:
        program = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
        }
        return {
            "TrainingJobName": unique_name("job"),
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {**program, "say": word, **(hyperparameters or {})},
            "InputDataConfig": [self.channel("code", "code/"), *inputs],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/out/"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        } | changes

    def start(self, word: str, **changes) -> str:
        request = self.request(word, **changes)
        self.sagemaker.create_training_job(**request)
        return request["TrainingJobName"]

    def describe(self, name: str) -> dict:
        return self.sagemaker.describe_training_job(TrainingJobName=name)

    def wait(self, name: str) -> dict:
        return wait_for(lambda: (job := self.describe(name))["TrainingJobStatus"] in ENDED and job, timeout=60)

    def run(self, word: str, **changes) -> dict:
        return self.wait(self.start(word, **changes))

    def read_log(self, job: dict) -> list[str]:
        path = self.aws.workdir / "training-jobs" / job["TrainingJobName"] / "container.log"
        return path.read_text().splitlines()

    def keys(self, prefix: str) -> list[str]:
        objects = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [item["Key"].removeprefix(prefix) for item in objects]

    def checkpoint_config(self, name: str = "checkpoints") -> dict:
        return {"S3Uri": f"s3://{self.bucket}/{name}/", "LocalPath": CHECKPOINTS}

    def members(self, job: dict, name: str) -> list[str]:
        key = f"out/{job['TrainingJobName']}/output/{name}"
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            return sorted(member.name for member in archive if member.isfile())


@pytest.fixture
def bench(aws) -> Bench:
    return Bench(aws)


class TestContract:
    """The files and variables of the script, and its outputs."""

    def test_channels_are_below_their_names(self, bench):
        bench.put("data/sub/b c+%", b"x")
        bench.put("data/", b"")
        inputs = [bench.channel("data", "data/"), bench.channel("one", "data/train.jsonl")]
        paths = json.loads(bench.read_log(bench.run("list", inputs=inputs))[1])
        config = [f"config/{name}.json" for name in ("hyperparameters", "inputdataconfig", "resourceconfig")]
        data = ["code/sourcedir.tar.gz", "data/sub/b c+%", "data/train.jsonl", "one/train.jsonl"]
        assert paths == sorted([*config, *(f"data/{name}" for name in data)])

    def test_hyperparameters_become_arguments_as_in_the_toolkit(self, bench):
        values = {"epochs": "3", "flag": "true", "rate": "5e-4", "name": "a b", "none": "", "sagemaker_region": "x"}
        words = json.loads(bench.read_log(bench.run("arguments", hyperparameters=values))[1])
        flat = ("--epochs", "3", "--flag", "True", "--name", "a b", "--none", "", "--rate", "0.0005")
        assert words == [*flat, "--say", "arguments"]

    def test_settings_of_the_toolkit_may_be_json_as_the_sdk_writes_them(self, bench):
        values = {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{bench.bucket}/code/sourcedir.tar.gz"',
        }
        assert bench.run("list", hyperparameters=values)["TrainingJobStatus"] == "Completed"

    def test_the_environment_is_that_of_the_toolkit_without_variables_of_the_server(self, bench):
        inputs = [bench.channel("data", "data/")]
        variables = json.loads(bench.read_log(bench.run("env", inputs=inputs, Environment={"A": "1"}))[1])
        assert variables["A"] == "1"
        paths = {"SM_CHANNEL_DATA": "input/data/data", "SM_MODEL_DIR": "model", "SM_OUTPUT_DATA_DIR": "output/data"}
        for name, path in paths.items():
            assert variables[name].endswith(f"/opt/ml/{path}")
        names = ("SM_CHANNELS", "SM_HP_SAY", "SM_NUM_GPUS")
        assert [variables[name] for name in names] == ['["code", "data"]', "env", "0"]
        keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"}
        assert {name for name in variables if name.startswith(("AWS_", "MINISTACK", "AUTH"))} == keys

    def test_it_can_read_its_own_configuration(self, bench):
        hyperparameters, channels, resources = map(json.loads, bench.read_log(bench.run("config"))[1:])
        assert hyperparameters["say"] == "config"
        assert channels["code"]["TrainingInputMode"] == "File"
        assert (resources["hosts"], resources["current_instance_type"]) == (["algo-1"], "ml.m5.xlarge")

    def test_model_and_output_become_archives(self, bench):
        metrics = [{"Name": "q3", "Regex": r"q3=([0-9.]+)"}, {"Name": "loss", "Regex": r"loss=(\S+)"}]
        algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics}
        job = bench.run("write", AlgorithmSpecification=algorithm)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
        location = f"s3://{bench.bucket}/out/{job['TrainingJobName']}/output/model.tar.gz"
        assert job["ModelArtifacts"]["S3ModelArtifacts"] == location
        assert bench.members(job, "model.tar.gz") == ["code/a.py", "config.json"]
        assert bench.members(job, "output.tar.gz") == ["card.json"]
        assert {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]} == {
            "q3": 0.75,
            "loss": 0.5,
        }

    def test_checkpoints_are_uploaded_and_downloaded(self, bench):
        first = bench.run("resume", CheckpointConfig=bench.checkpoint_config())
        assert (bench.read_log(first)[1], bench.keys("checkpoints/")) == ("state None", ["step-1/state"])
        second = bench.run("resume", CheckpointConfig=bench.checkpoint_config())
        assert bench.read_log(second)[1] == "state after one"

    @pytest.mark.long  # torch is imported; test_training.py of e2e has two processes as well
    @pytest.mark.parametrize(("environment", "processes"), [({}, 2), ({"SEQDROP_PROCESSES": "3"}, 3)])
    def test_torchrun_starts_the_requested_number_of_processes(self, bench, environment, processes):
        values = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": '"ml.m5.xlarge"'}
        job = bench.run("rank", hyperparameters=values, Environment=environment)
        assert job["TrainingJobStatus"] == "Completed", bench.read_log(job)
        assert bench.members(job, "model.tar.gz") == [f"rank-{number}" for number in range(processes)]

    def test_its_log_goes_to_cloudwatch(self, aws, bench):
        name = bench.run("list")["TrainingJobName"]
        logs, group = aws.client("logs"), "/aws/sagemaker/TrainingJobs"
        (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        assert events[0]["message"] == "command list"


class TestFailures:
    def reason(self, bench: Bench, word: str, **changes) -> str:
        job = bench.run(word, **changes)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
        return job["FailureReason"]

    def test_the_failure_file_of_the_script_is_the_reason(self, bench):
        assert self.reason(bench, "fail") == f"AlgorithmError: {'x' * 2000}"[:1024]

    def test_without_a_failure_file_the_last_line_of_the_log_is_the_reason(self, bench):
        reason = self.reason(bench, "crash", CheckpointConfig=bench.checkpoint_config())
        assert reason == 'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "no such thing"'
        assert bench.keys("checkpoints/") == ["state"], "checkpoints of a failed job must be kept"

    def test_a_channel_without_objects_fails_the_job(self, bench):
        reason = self.reason(bench, "list", inputs=[bench.channel("absent", "absent/")])
        assert f'No S3 objects found under S3 URL "s3://{bench.bucket}/absent/"' in reason

    def test_a_role_that_may_not_read_or_write_fails_the_job(self, bench):
        role = make_role(bench.aws, allow("s3:ListBucket"))
        assert 'needs "s3:GetObject"' in self.reason(bench, "list", RoleArn=role)
        role = make_role(bench.aws, allow(["s3:ListBucket", "s3:GetObject"]))
        assert 'needs "s3:PutObject"' in self.reason(bench, "write", RoleArn=role)
        assert 'needs "s3:PutObject"' in self.reason(
            bench, "resume", RoleArn=role, CheckpointConfig=bench.checkpoint_config()
        )

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"sagemaker_program": "other.py"}, "there is no other.py in the code"),
            ({"sagemaker_submit_directory": "/opt/ml/input/data/code/none"}, "cannot be unpacked"),
        ],
    )
    def test_unusable_code_fails_the_job(self, bench, values, message):
        assert message in self.reason(bench, "list", hyperparameters=values)

    def test_its_time_is_limited(self, aws, bench):
        before = aws.processes()
        job = bench.run(
            "sleep", StoppingCondition={"MaxRuntimeInSeconds": 1}, CheckpointConfig=bench.checkpoint_config()
        )
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
        assert "FailureReason" not in job
        wait_for(lambda: not aws.processes() - before)


class TestRequests:
    """Requests that CreateTrainingJob refuses."""

    def test_names_are_unique_for_ever(self, bench):
        name = bench.run("list")["TrainingJobName"]
        for duplicate in (name, name.upper()):
            with pytest.raises(bench.sagemaker.exceptions.ResourceInUse, match="already exists"):
                bench.start("list", TrainingJobName=duplicate)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"TrainingJobName": "a_b"}, "trainingJobName"),
            ({"Environment": {"A": "x" * 513}}, "less than or equal to 512"),
            ({"hyperparameters": {"a": "x" * 2501}}, "less than or equal to 2500"),
            ({"hyperparameters": {f"a{number}": "" for number in range(98)}}, "less than or equal to 100"),
            ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "maxRuntimeInSeconds"),
            ({"StoppingCondition": {"MaxRuntimeInSeconds": 28 * 86400 + 1}}, "28 days"),
            (
                {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
                "only supported when EnableManagedSpotTraining is set to true",
            ),
            ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
            (
                {
                    "EnableManagedSpotTraining": True,
                    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
                },
                "greater than or equal to MaxRuntimeInSeconds",
            ),
            ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "Exactly one of TrainingImage"),
            (
                {"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"}},
                "Pipe is not supported",
            ),
            (
                {
                    "AlgorithmSpecification": {
                        "TrainingImage": IMAGE,
                        "TrainingInputMode": "File",
                        "MetricDefinitions": [{"Name": "a", "Regex": "("}],
                    }
                },
                "Invalid regular expression",
            ),
            ({"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "VpcConfig is not supported"),
            ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag"),
            ({"hyperparameters": {"sagemaker_mpi_enabled": "true"}}, "sagemaker_mpi_enabled is not supported"),
            ({"HyperParameters": {}}, "sagemaker_program"),
            ({"CheckpointConfig": {"S3Uri": "s3://a/", "LocalPath": "/tmp"}}, "LocalPath"),
        ],
    )
    def test_requests_that_break_a_rule(self, aws, bench, change, message):
        lenient = aws.client("sagemaker", config=Config(parameter_validation=False))
        with expect_error("ValidationException", message):
            lenient.create_training_job(**bench.request("list", **change))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"InstanceCount": 2}, "several instances"),
            ({"InstanceCount": 0}, "must be at least 1"),
            ({"InstanceType": "ml.g5.xlarge", "VolumeKmsKeyId": "key"}, "ml.g5.xlarge, which has local storage"),
            ({"KeepAlivePeriodInSeconds": 60}, "KeepAlivePeriodInSeconds in ResourceConfig is not supported"),
        ],
    )
    def test_resources_that_break_a_rule(self, bench, change, message):
        resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}
        with expect_error("ValidationException", message):
            bench.start("list", ResourceConfig=resources | change)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"InputMode": "Pipe"}, "InputMode Pipe is not supported"),
            ({"CompressionType": "Gzip"}, "Pipe mode"),
            ({"source": {"S3DataDistributionType": "ShardedByS3Key"}}, "ShardedByS3Key is not supported"),
            ({"source": {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}}, "AugmentedManifestFile"),
            ({"ChannelName": "code"}, "Duplicate channel"),
        ],
    )
    def test_channels_that_break_a_rule(self, bench, change, message):
        with expect_error("ValidationException", message):
            bench.start("list", inputs=[bench.channel("one", "data/", change.pop("source", None)) | change])

    def test_sagemaker_must_be_able_to_assume_the_role(self, bench):
        with expect_error("ValidationException", "Could not assume role"):
            bench.start("list", RoleArn=make_role(bench.aws, service="lambda.amazonaws.com"))

    def test_the_caller_needs_permissions_for_the_action_the_tags_and_the_role(self, aws, bench):
        resource = f"arn:aws:sagemaker:{aws.region}:{aws.account}:training-job/allowed-*"
        may = allow(["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"], resource)
        condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        passing = allow("iam:PassRole", bench.role, Condition=condition)
        client = assume_role(aws, make_role(aws, may, passing)).client("sagemaker")
        client.create_training_job(**bench.request("list", TrainingJobName=unique_name("ALLOWED")))
        with expect_error("AccessDeniedException", "sagemaker:CreateTrainingJob on resource"):
            client.create_training_job(**bench.request("list"))
        tagged = bench.request("list", TrainingJobName=unique_name("allowed"), Tags=[{"Key": "a", "Value": "b"}])
        with expect_error("AccessDeniedException", "sagemaker:AddTags"):
            client.create_training_job(**tagged)
        without = assume_role(aws, make_role(aws, may)).client("sagemaker")
        with expect_error("AccessDeniedException", "iam:PassRole"):
            without.create_training_job(**bench.request("list", TrainingJobName=unique_name("allowed")))

    @pytest.mark.long  # a server of its own
    def test_jobs_beyond_the_accounts_quota_are_refused(self, tmp_path):
        with EmbeddedAws(tmp_path, limits=JobLimits(training=1)) as aws:
            bench = Bench(aws)
            first = bench.start("sleep")
            with pytest.raises(bench.sagemaker.exceptions.ResourceLimitExceeded, match="for training job usage"):
                bench.start("list")
            bench.sagemaker.stop_training_job(TrainingJobName=first)
            bench.wait(first)
            assert bench.run("list")["TrainingJobStatus"] == "Completed"


class TestStates:
    """The states of a job in the API and in the events."""

    def test_a_job_is_described_as_requested(self, bench):
        request = bench.request(
            "list",
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
            CheckpointConfig=bench.checkpoint_config(),
            Tags=[{"Key": "project", "Value": "seqdrop"}],
        )
        response = bench.sagemaker.create_training_job(**request)
        job = bench.wait(request["TrainingJobName"])
        tags = request.pop("Tags")
        assert {key: job[key] for key in request} == request
        assert job["TrainingJobArn"] == response["TrainingJobArn"]
        assert job["TrainingJobArn"].endswith(f":training-job/{request['TrainingJobName']}")
        steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
        assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert all(step["StartTime"] <= step["EndTime"] for step in job["SecondaryStatusTransitions"])
        assert job["TrainingTimeInSeconds"] >= 1
        assert bench.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == tags

    def test_jobs_are_listed(self, bench):
        stem = unique_name("list")
        for number, word in enumerate(["list", "crash"]):
            bench.run(word, TrainingJobName=f"{stem}-{number}")

        def list_jobs(**filters) -> list[str]:
            summaries = bench.sagemaker.list_training_jobs(NameContains=stem, **filters)["TrainingJobSummaries"]
            return [summary["TrainingJobName"][-1] for summary in summaries]

        assert list_jobs() == ["1", "0"]
        assert list_jobs(StatusEquals="Failed") == ["1"]

    @pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job"])
    def test_an_unknown_job_is_a_validation_error(self, aws, operation):
        with expect_error("ValidationException", "Could not find requested job with name: absent"):
            getattr(aws.client("sagemaker"), operation)(TrainingJobName="absent")

    def test_a_stopped_job_gets_sigterm_and_its_outputs_are_kept(self, aws, bench):
        before = aws.processes()
        name = bench.start("sleep", CheckpointConfig=bench.checkpoint_config())
        wait_for(lambda: "started" in bench.keys("checkpoints/"), timeout=60)
        bench.sagemaker.stop_training_job(TrainingJobName=name)
        job = bench.wait(name)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
        assert "FailureReason" not in job
        assert bench.keys("checkpoints/") == ["started", "state"]
        assert bench.members(job, "model.tar.gz") == ["half"]
        wait_for(lambda: not aws.processes() - before)
        with expect_error("ValidationException", "training job is in status Stopped"):
            bench.sagemaker.stop_training_job(TrainingJobName=name)

    @pytest.mark.parametrize(
        ("word", "states"),
        [
            ("list", ["Starting", "Downloading", "Training", "Uploading", "Completed"]),
            ("crash", ["Starting", "Downloading", "Training", "Failed"]),
        ],
    )
    def test_each_secondary_status_is_an_event_in_order(self, aws, bench, word, states):
        name = unique_name("Events")
        log = EventLog(aws, {"source": ["aws.sagemaker"], "detail": {"TrainingJobName": [name]}})
        bench.start(word, TrainingJobName=name)
        events = log.first(len(states))
        assert [event["detail"]["SecondaryStatus"] for event in events] == states
        last, job = events[-1], bench.describe(name)
        assert last["detail-type"] == "SageMaker Training Job State Change"
        assert last["detail"]["TrainingJobStatus"] == states[-1]
        assert last["resources"] == [job["TrainingJobArn"]]
        first = last["detail"]["SecondaryStatusTransitions"][0]
        assert first["StartTime"] == int(job["SecondaryStatusTransitions"][0]["StartTime"].timestamp() * 1000)
