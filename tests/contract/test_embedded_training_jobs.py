"""Training jobs: a script really runs under SageMaker's contract, and all that can go wrong is told."""

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
# Does what --say tells it to; what it finds around it goes to its log.
SCRIPT = """
import json, os, pathlib, signal, subprocess, sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
word, env = given["--say"], os.environ
model, out, kept = (pathlib.Path(env[name]) for name in ("SM_MODEL_DIR", "SM_OUTPUT_DATA_DIR", "SEQDROP_CHECKPOINTS"))
print("told", word)
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
    before = kept / "step-1" / "state"
    print("found", before.read_text() if before.exists() else None)
    before.parent.mkdir(exist_ok=True)
    before.write_text("after one")
if word == "fail":
    (pathlib.Path(env["SM_OUTPUT_DIR"]) / "failure").write_text("x" * 2000)
    sys.exit(3)
if word == "crash":
    (kept / "state").write_text("half")
    raise SystemExit("no such thing")
if word == "rank":
    (model / ("rank-" + env["RANK"])).write_text(env["WORLD_SIZE"])
if word == "sleep":
    subprocess.Popen(["sleep", "60"])
    def leave(*_):
        (kept / "state").write_text("told to end")
        (model / "half").write_text("")
        sys.exit(143)
    signal.signal(signal.SIGTERM, leave)
    (kept / "begun").write_text("")
    time.sleep(60)
"""


class Bench:
    """A bucket with the script, and a role that may do all to S3."""

    def __init__(self, aws: EmbeddedAws):
        self.aws, self.bucket = aws, make_bucket(aws)
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.role = make_role(aws, allow(["s3:*", "logs:*"]))
        self.put("code/sourcedir.tar.gz", make_model_archive({"train.py": SCRIPT}))
        self.put("data/train.jsonl", b"{}")

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def channel(self, name: str, key: str, source=None, **changes) -> dict:
        where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{key}"} | (source or {})
        return {"ChannelName": name, "DataSource": {"S3DataSource": where}, **changes}

    def request(self, word: str, inputs=(), told=None, **changes) -> dict:
        program = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz",
        }
        return {
            "TrainingJobName": unique_name("job"),
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {**program, "say": word, **(told or {})},
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

    def ended(self, name: str) -> dict:
        return wait_for(lambda: (job := self.describe(name))["TrainingJobStatus"] in ENDED and job, timeout=60)

    def run(self, word: str, **changes) -> dict:
        return self.ended(self.start(word, **changes))

    def said(self, job: dict) -> list[str]:
        path = self.aws.workdir / "training-jobs" / job["TrainingJobName"] / "container.log"
        return path.read_text().splitlines()

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [one["Key"].removeprefix(prefix) for one in listed]

    def kept(self, name: str = "kept") -> dict:
        return {"S3Uri": f"s3://{self.bucket}/{name}/", "LocalPath": CHECKPOINTS}

    def members(self, job: dict, name: str) -> list[str]:
        key = f"out/{job['TrainingJobName']}/output/{name}"
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as packed:
            return sorted(member.name for member in packed if member.isfile())


@pytest.fixture
def bench(aws) -> Bench:
    return Bench(aws)


class TestContract:
    """What the script finds around it, and what becomes of what it leaves."""

    def test_channels_lie_below_their_names(self, bench):
        bench.put("data/sub/b c+%", b"x")
        bench.put("data/", b"")
        inputs = [bench.channel("data", "data/"), bench.channel("one", "data/train.jsonl")]
        found = json.loads(bench.said(bench.run("list", inputs=inputs))[1])
        config = [f"config/{name}.json" for name in ("hyperparameters", "inputdataconfig", "resourceconfig")]
        data = ["code/sourcedir.tar.gz", "data/sub/b c+%", "data/train.jsonl", "one/train.jsonl"]
        assert found == sorted([*config, *(f"data/{name}" for name in data)])

    def test_hyperparameters_are_arguments_as_the_toolkit_makes_them(self, bench):
        told = {"epochs": "3", "flag": "true", "rate": "5e-4", "name": "a b", "none": "", "sagemaker_region": "x"}
        words = json.loads(bench.said(bench.run("arguments", told=told))[1])
        flat = ("--epochs", "3", "--flag", "True", "--name", "a b", "--none", "", "--rate", "0.0005")
        assert words == [*flat, "--say", "arguments"]

    def test_the_sdk_writes_the_toolkits_settings_as_json(self, bench):
        told = {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{bench.bucket}/code/sourcedir.tar.gz"',
        }
        assert bench.run("list", told=told)["TrainingJobStatus"] == "Completed"

    def test_the_environment_is_that_of_the_toolkit_and_nothing_of_the_server(self, bench):
        inputs = [bench.channel("data", "data/")]
        found = json.loads(bench.said(bench.run("env", inputs=inputs, Environment={"A": "1"}))[1])
        assert found["A"] == "1"
        places = {"SM_CHANNEL_DATA": "input/data/data", "SM_MODEL_DIR": "model", "SM_OUTPUT_DATA_DIR": "output/data"}
        for name, place in places.items():
            assert found[name].endswith(f"/opt/ml/{place}")
        assert (found["SM_CHANNELS"], found["SM_HP_SAY"], found["SM_NUM_GPUS"]) == ('["code", "data"]', "env", "0")
        keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"}
        assert {name for name in found if name.startswith(("AWS_", "MINISTACK", "AUTH"))} == keys

    def test_it_is_told_its_own_configuration(self, bench):
        told, channels, resources = map(json.loads, bench.said(bench.run("config"))[1:])
        assert told["say"] == "config"
        assert channels["code"]["TrainingInputMode"] == "File"
        assert (resources["hosts"], resources["current_instance_type"]) == (["algo-1"], "ml.m5.xlarge")

    def test_model_and_output_become_archives(self, bench):
        metrics = [{"Name": "q3", "Regex": r"q3=([0-9.]+)"}, {"Name": "loss", "Regex": r"loss=(\S+)"}]
        algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": metrics}
        job = bench.run("write", AlgorithmSpecification=algorithm)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
        where = f"s3://{bench.bucket}/out/{job['TrainingJobName']}/output/model.tar.gz"
        assert job["ModelArtifacts"]["S3ModelArtifacts"] == where
        assert bench.members(job, "model.tar.gz") == ["code/a.py", "config.json"]
        assert bench.members(job, "output.tar.gz") == ["card.json"]
        assert {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]} == {"q3": 0.75, "loss": 0.5}

    def test_checkpoints_come_and_go(self, bench):
        first = bench.run("resume", CheckpointConfig=bench.kept())
        assert (bench.said(first)[1], bench.keys("kept/")) == ("found None", ["step-1/state"])
        second = bench.run("resume", CheckpointConfig=bench.kept())
        assert bench.said(second)[1] == "found after one"

    @pytest.mark.long  # torch is imported; test_training.py of e2e has two processes, too
    @pytest.mark.parametrize(("environment", "processes"), [({}, 2), ({"SEQDROP_PROCESSES": "3"}, 3)])
    def test_torchrun_starts_as_many_as_it_is_told(self, bench, environment, processes):
        told = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": '"ml.m5.xlarge"'}
        job = bench.run("rank", told=told, Environment=environment)
        assert job["TrainingJobStatus"] == "Completed", bench.said(job)
        assert bench.members(job, "model.tar.gz") == [f"rank-{number}" for number in range(processes)]

    def test_its_log_goes_to_cloudwatch(self, aws, bench):
        name = bench.run("list")["TrainingJobName"]
        logs, group = aws.client("logs"), "/aws/sagemaker/TrainingJobs"
        (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        assert events[0]["message"] == "told list"


class TestFailures:
    def reason(self, bench: Bench, word: str, **changes) -> str:
        job = bench.run(word, **changes)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
        return job["FailureReason"]

    def test_what_the_script_left_is_the_reason(self, bench):
        assert self.reason(bench, "fail") == f"AlgorithmError: {'x' * 2000}"[:1024]

    def test_else_the_end_of_its_log_is(self, bench):
        said = self.reason(bench, "crash", CheckpointConfig=bench.kept())
        assert said == 'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "no such thing"'
        assert bench.keys("kept/") == ["state"], "checkpoints of a job that failed are kept"

    def test_a_channel_without_objects_fails_the_job(self, bench):
        said = self.reason(bench, "list", inputs=[bench.channel("absent", "absent/")])
        assert f'No S3 objects found under S3 URL "s3://{bench.bucket}/absent/"' in said

    def test_a_role_that_may_not_read_or_write_fails_the_job(self, bench):
        role = make_role(bench.aws, allow("s3:ListBucket"))
        assert 'needs "s3:GetObject"' in self.reason(bench, "list", RoleArn=role)
        role = make_role(bench.aws, allow(["s3:ListBucket", "s3:GetObject"]))
        assert 'needs "s3:PutObject"' in self.reason(bench, "write", RoleArn=role)
        assert 'needs "s3:PutObject"' in self.reason(bench, "resume", RoleArn=role, CheckpointConfig=bench.kept())

    @pytest.mark.parametrize(
        ("told", "said"),
        [
            ({"sagemaker_program": "other.py"}, "there is no other.py in the code"),
            ({"sagemaker_submit_directory": "/opt/ml/input/data/code/none"}, "cannot be unpacked"),
        ],
    )
    def test_code_that_cannot_be_used_fails_the_job(self, bench, told, said):
        assert said in self.reason(bench, "list", told=told)

    def test_its_time_is_limited(self, aws, bench):
        before = aws.processes()
        job = bench.run("sleep", StoppingCondition={"MaxRuntimeInSeconds": 1}, CheckpointConfig=bench.kept())
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
        assert "FailureReason" not in job
        wait_for(lambda: not aws.processes() - before)


class TestRequests:
    """What CreateTrainingJob refuses."""

    def test_a_name_is_given_once_for_ever(self, bench):
        name = bench.run("list")["TrainingJobName"]
        for again in (name, name.upper()):
            with pytest.raises(bench.sagemaker.exceptions.ResourceInUse, match="already exists"):
                bench.start("list", TrainingJobName=again)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"TrainingJobName": "a_b"}, "trainingJobName"),
            ({"Environment": {"A": "x" * 513}}, "less than or equal to 512"),
            ({"told": {"a": "x" * 2501}}, "less than or equal to 2500"),
            ({"told": {f"a{number}": "" for number in range(98)}}, "less than or equal to 100"),
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
            ({"EnableNetworkIsolation": True}, "EnableNetworkIsolation is not supported"),
            ({"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "VpcConfig is not supported"),
            ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag"),
            ({"told": {"sagemaker_mpi_enabled": "true"}}, "sagemaker_mpi_enabled is not supported"),
            ({"HyperParameters": {}}, "sagemaker_program"),
            ({"CheckpointConfig": {"S3Uri": "s3://a/", "LocalPath": "/tmp"}}, "LocalPath"),
        ],
    )
    def test_requests_that_break_a_rule(self, aws, bench, change, said):
        lenient = aws.client("sagemaker", config=Config(parameter_validation=False))
        with expect_error("ValidationException", said):
            lenient.create_training_job(**bench.request("list", **change))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"InstanceCount": 2}, "several instances"),
            ({"InstanceCount": 0}, "1 at the least"),
            ({"InstanceType": "ml.g5.xlarge", "VolumeKmsKeyId": "key"}, "ml.g5.xlarge, which has local storage"),
            ({"KeepAlivePeriodInSeconds": 60}, "KeepAlivePeriodInSeconds in ResourceConfig is not supported"),
        ],
    )
    def test_machines_that_break_a_rule(self, bench, change, said):
        usual = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}
        with expect_error("ValidationException", said):
            bench.start("list", ResourceConfig=usual | change)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"InputMode": "Pipe"}, "InputMode Pipe is not supported"),
            ({"CompressionType": "Gzip"}, "Pipe mode"),
            ({"source": {"S3DataDistributionType": "ShardedByS3Key"}}, "ShardedByS3Key is not supported"),
            ({"source": {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}}, "AugmentedManifestFile"),
            ({"ChannelName": "code"}, "Duplicate channel"),
        ],
    )
    def test_channels_that_break_a_rule(self, bench, change, said):
        with expect_error("ValidationException", said):
            bench.start("list", inputs=[bench.channel("one", "data/", change.pop("source", None)) | change])

    def test_the_role_must_be_one_that_sagemaker_can_assume(self, bench):
        with expect_error("ValidationException", "Could not assume role"):
            bench.start("list", RoleArn=make_role(bench.aws, service="lambda.amazonaws.com"))

    def test_the_caller_needs_the_action_the_tags_and_the_role(self, aws, bench):
        resource = f"arn:aws:sagemaker:{aws.region}:{aws.account}:training-job/allowed-*"
        may = allow(["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"], resource)
        passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        passing = allow("iam:PassRole", bench.role, Condition=passed)
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
            bench.ended(first)
            assert bench.run("list")["TrainingJobStatus"] == "Completed"


class TestStates:
    """A job's life as the API and the events tell it."""

    def test_a_job_is_described_as_it_was_asked_for(self, bench):
        request = bench.request(
            "list",
            EnableManagedSpotTraining=True,
            StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
            CheckpointConfig=bench.kept(),
            Tags=[{"Key": "project", "Value": "seqdrop"}],
        )
        answer = bench.sagemaker.create_training_job(**request)
        job = bench.ended(request["TrainingJobName"])
        tags = request.pop("Tags")
        assert {key: job[key] for key in request} == request
        assert job["TrainingJobArn"] == answer["TrainingJobArn"]
        assert job["TrainingJobArn"].endswith(f":training-job/{request['TrainingJobName']}")
        steps = [one["Status"] for one in job["SecondaryStatusTransitions"]]
        assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert all(one["StartTime"] <= one["EndTime"] for one in job["SecondaryStatusTransitions"])
        assert job["TrainingTimeInSeconds"] >= 1
        assert bench.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == tags

    def test_jobs_are_listed(self, bench):
        stem = unique_name("list")
        for number, word in enumerate(["list", "crash"]):
            bench.run(word, TrainingJobName=f"{stem}-{number}")

        def listed(**filters) -> list[str]:
            found = bench.sagemaker.list_training_jobs(NameContains=stem, **filters)["TrainingJobSummaries"]
            return [summary["TrainingJobName"][-1] for summary in found]

        assert listed() == ["1", "0"]
        assert listed(StatusEquals="Failed") == ["1"]

    @pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job"])
    def test_an_unknown_job_is_a_validation_error(self, aws, operation):
        with expect_error("ValidationException", "Could not find requested job with name: absent"):
            getattr(aws.client("sagemaker"), operation)(TrainingJobName="absent")

    def test_a_running_job_is_told_to_end_and_what_it_leaves_is_kept(self, aws, bench):
        before = aws.processes()
        name = bench.start("sleep", CheckpointConfig=bench.kept())
        wait_for(lambda: "begun" in bench.keys("kept/"), timeout=60)
        bench.sagemaker.stop_training_job(TrainingJobName=name)
        job = bench.ended(name)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
        assert "FailureReason" not in job
        assert bench.keys("kept/") == ["begun", "state"]
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
