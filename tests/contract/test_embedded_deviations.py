"""The deviations from AWS: one test for each line of the list in local/README.md.

If a test here fails because the embedded AWS now behaves like AWS, remove the line from the list.
"""

import hashlib
import io
import json
import os
import sys
import time
import zipfile

import pytest
from botocore.config import Config

from local.testing import (
    ENDED,
    ModelBench,
    allow,
    assume_role,
    expect_error,
    make_bucket,
    make_model_archive,
    make_policy,
    make_role,
    unique_name,
    wait_for,
)

pytest_plugins = ["local.fixtures"]

COUNTER = """
import os
def model_fn(model_dir): return None
def predict_fn(data, model):
    print("called", flush=True)
    os._exit(1)
def input_fn(data, content_type): return data
"""
ECHO = """
import sys
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept): return sys.executable
"""


def make_function(aws, source: str, **options) -> str:
    """Create a Lambda function and return its name."""
    code, name, role = io.BytesIO(), unique_name("function"), make_role(aws, service="lambda.amazonaws.com")
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("app.py", f"def handler(event, context):\n    {source}\n")
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": code.getvalue()},
        Timeout=30,
        **options,
    )
    return name


def make_queue(aws, **attributes) -> tuple[str, str]:
    """Create a queue to which EventBridge may send; return its URL and ARN."""
    sqs, name = aws.client("sqs"), unique_name("queue")
    arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}"
    anyone = make_policy(allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"}))
    return sqs.create_queue(QueueName=name, Attributes={"Policy": anyone, **attributes})["QueueUrl"], arn


def messages(aws, url: str) -> list:
    return aws.client("sqs").receive_message(QueueUrl=url).get("Messages", [])


class TestLambda:
    def test_memory_is_not_limited(self, aws):
        name = make_function(aws, "return len(b'x' * 300_000_000)", MemorySize=128)
        response = aws.client("lambda").invoke(FunctionName=name)
        assert response["Payload"].read() == b"300000000"

    def test_responses_over_six_megabytes_pass(self, aws):
        name = make_function(aws, "return 'x' * 7_000_000")
        response = aws.client("lambda").invoke(FunctionName=name)
        assert "FunctionError" not in response
        assert len(response["Payload"].read()) > 7_000_000

    def test_an_error_does_not_name_its_type(self, aws):
        name = make_function(aws, "raise KeyError('a')")
        response = aws.client("lambda").invoke(FunctionName=name)
        assert json.loads(response["Payload"].read())["errorType"] == "Runtime.HandlerError"

    def test_the_python_of_the_machine_runs_for_every_runtime(self, aws):
        name = make_function(aws, "import sys; return list(sys.version_info[:2])")
        response = aws.client("lambda").invoke(FunctionName=name)
        assert json.loads(response["Payload"].read()) == list(sys.version_info[:2])


class TestEventBridge:
    def rule(self, aws, target: str, **fields) -> str:
        events, source = aws.client("events"), unique_name("source")
        events.put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
        events.put_targets(Rule=source, Targets=[{"Id": "one", "Arn": target, **fields}])
        events.put_events(Entries=[{"Source": source, "DetailType": "test", "Detail": "{}"}])
        return source

    def test_a_targets_dead_letter_queue_stays_empty(self, aws):
        url, arn = make_queue(aws)
        absent = f"arn:aws:sqs:{aws.region}:{aws.account}:absent"
        self.rule(aws, absent, DeadLetterConfig={"Arn": arn})
        time.sleep(0.5)
        assert messages(aws, url) == []

    def test_eventbridge_sends_to_a_queue_whose_key_it_may_not_use(self, aws):
        kms = aws.client("kms")
        key = kms.create_key(
            Policy=make_policy(allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{aws.account}:root"}))
        )["KeyMetadata"]["KeyId"]
        url, arn = make_queue(aws, KmsMasterKeyId=key)
        self.rule(aws, arn)
        assert wait_for(lambda: messages(aws, url))


class TestKeys:
    """Only S3 checks the permission to use a key."""

    def test_a_sender_needs_no_permission_for_the_queues_key(self, aws):
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        url, arn = make_queue(aws, KmsMasterKeyId=key)
        assume_role(aws, make_role(aws, allow("sqs:SendMessage", arn))).client("sqs").send_message(
            QueueUrl=url, MessageBody="a"
        )
        assert messages(aws, url)

    def test_a_kms_write_that_names_no_key_is_refused(self, aws):
        with expect_error("InvalidArgument", "requires a key id"):
            aws.client("s3").put_object(Bucket=make_bucket(aws), Key="a", Body=b"", ServerSideEncryption="aws:kms")

    def test_the_etag_of_an_object_under_kms_is_its_md5(self, aws):
        key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        response = aws.client("s3").put_object(
            Bucket=make_bucket(aws), Key="a", Body=b"one", SSEKMSKeyId=key, ServerSideEncryption="aws:kms"
        )
        assert response["ETag"] == f'"{hashlib.md5(b"one").hexdigest()}"'


class TestS3:
    def test_the_first_version_of_a_batch_deletion_is_checked_as_a_plain_deletion(self, aws):
        s3, bucket = aws.client("s3"), make_bucket(aws, versioned=True)
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["VersionId"]
        client = assume_role(aws, make_role(aws, allow("s3:DeleteObjectVersion", f"arn:aws:s3:::{bucket}/*")))
        with expect_error("AccessDenied", "s3:DeleteObject "):
            client.client("s3").delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a", "VersionId": version}]})

    def test_a_lifecycle_rule_is_stored_and_never_applied(self, aws):
        s3, bucket = aws.client("s3"), make_bucket(aws)
        s3.put_object(Bucket=bucket, Key="a", Body=b"one")
        rule = {
            "ID": "gone",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"Date": "2020-01-01T00:00:00Z"},
        }
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        time.sleep(0.5)
        assert s3.head_object(Bucket=bucket, Key="a")

    def test_object_attributes_report_a_whole_checksum_as_composite(self, aws):
        s3, bucket = aws.client("s3"), make_bucket(aws)
        started = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="CRC64NVME")
        location = {"Bucket": bucket, "Key": "a", "UploadId": started["UploadId"]}
        part = s3.upload_part(**location, PartNumber=1, Body=b"one")
        completed = s3.complete_multipart_upload(
            **location, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        )
        attributes = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["Checksum"])["Checksum"]
        assert (completed["ChecksumType"], attributes["ChecksumType"]) == ("FULL_OBJECT", "COMPOSITE")

    def test_restores_take_seconds(self, aws):
        s3, bucket = aws.client("s3"), make_bucket(aws)
        s3.put_object(Bucket=bucket, Key="a", Body=b"one", StorageClass="DEEP_ARCHIVE")
        s3.restore_object(Bucket=bucket, Key="a", RestoreRequest={"Days": 1})
        wait_for(lambda: 'request="false"' in s3.head_object(Bucket=bucket, Key="a")["Restore"], timeout=5)


class TestSageMaker:
    def test_an_invocation_is_not_retried(self, aws):
        bench = ModelBench(aws, COUNTER)
        bench.put("in/a", b"one\n")
        job = bench.run("in/", ModelClientConfig={"InvocationsMaxRetries": 3})
        log = (aws.workdir / "jobs" / job["TransformJobName"] / "container.log").read_text()
        assert log.count("called") == 1

    def test_the_image_is_not_run(self, aws):
        bench = ModelBench(aws, ECHO)
        bench.model = bench.create_model(Image="no/such/image")
        bench.put("in/a", b"one\n")
        bench.run("in/")
        assert b"python" in bench.outputs()["a.out"]

    def process(self, aws, program: str, *words: str) -> list[str]:
        """Run a program as a processing job and return the lines that it prints."""
        bucket, name = make_bucket(aws), unique_name("job")
        aws.client("s3").put_object(Bucket=bucket, Key="main.py", Body=program.encode())
        folder = "/opt/ml/processing/input/code"
        source = {"S3Uri": f"s3://{bucket}/main.py", "LocalPath": folder, "S3DataType": "S3Prefix"}
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        aws.client("sagemaker").create_processing_job(
            ProcessingJobName=name,
            RoleArn=make_role(aws, allow(["s3:*", "logs:*"])),
            AppSpecification={
                "ImageUri": "no/such/image",
                "ContainerEntrypoint": ["python3", f"{folder}/main.py", *words],
            },
            ProcessingInputs=[{"InputName": "code", "S3Input": source}],
            ProcessingResources={"ClusterConfig": cluster},
        )
        wait_for(lambda: self.status(aws, name) in ENDED, timeout=40)
        assert self.status(aws, name) == "Completed"
        return (aws.workdir / "processing-jobs" / name / "container.log").read_text().splitlines()

    def status(self, aws, name: str) -> str:
        return aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]

    def test_a_processing_jobs_image_is_not_run(self, aws):
        (python,) = self.process(aws, "import os, sys; print(os.path.realpath(sys.executable))")
        assert python == os.path.realpath(sys.executable)

    def test_the_paths_of_a_processing_job_are_below_its_scratch_folder(self, aws):
        program = "import os, sys; print(*sys.argv[1:], sep='\\n'); print(os.path.exists('/opt/ml/processing'))"
        whole, within, exists = self.process(aws, program, "/opt/ml/output/a", "--to=/opt/ml/output/a")
        assert whole.endswith("scratch/opt/ml/output/a")
        assert (within, exists) == ("--to=/opt/ml/output/a", "False")

    def train(self, aws, script: str, **changes) -> tuple[dict, list[str], str]:
        """Run a script as a training job; return the job's description, the lines that it printed, and its bucket."""
        bucket, name = make_bucket(aws), unique_name("job")
        code = make_model_archive({"train.py": script, "requirements.txt": "no-such-package==0"})
        aws.client("s3").put_object(Bucket=bucket, Key="code/sourcedir.tar.gz", Body=code)
        source = f"s3://{bucket}/code/sourcedir.tar.gz"
        request = {
            "TrainingJobName": name,
            "RoleArn": make_role(aws, allow(["s3:*", "logs:*"])),
            "AlgorithmSpecification": {"TrainingImage": "no/such/image", "TrainingInputMode": "File"},
            "HyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": source},
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "CheckpointConfig": {"S3Uri": f"s3://{bucket}/kept/"},
        }
        client = aws.client("sagemaker")
        client.create_training_job(**request | changes)
        job = wait_for(
            lambda: (
                (description := client.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] in ENDED
                and description
            ),
            timeout=40,
        )
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        return job, (aws.workdir / "training-jobs" / name / "container.log").read_text().splitlines(), bucket

    def test_a_training_jobs_image_is_not_run(self, aws):
        _, (python,), _ = self.train(aws, "import os, sys; print(os.path.realpath(sys.executable))")
        assert python == os.path.realpath(sys.executable)

    def test_the_checkpoints_of_a_training_job_are_below_its_scratch_folder(self, aws):
        program = "import os; print(os.environ['SEQDROP_CHECKPOINTS']); print(os.path.exists('/opt/ml/checkpoints'))"
        _, (path, exists), _ = self.train(aws, program)
        assert (path.endswith("scratch/opt/ml/checkpoints"), exists) == (True, "False")

    def test_a_spot_instance_is_available_at_once(self, aws):
        stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
        job, _, _ = self.train(aws, "", EnableManagedSpotTraining=True, StoppingCondition=stopping)
        steps = {step["Status"] for step in job["SecondaryStatusTransitions"]}
        assert not steps & {"Interrupted", "MaxWaitTimeExceeded"}
        assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"]

    def test_checkpoints_that_a_script_removes_remain_in_s3(self, aws):
        program = """
import os, pathlib, time
path = pathlib.Path(os.environ["SEQDROP_CHECKPOINTS"]) / "one"
path.write_text("1")
time.sleep(2.5)
path.unlink()
"""
        _, _, bucket = self.train(aws, program)
        objects = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="kept/")["Contents"]
        assert [item["Key"] for item in objects] == ["kept/one"]

    def test_members_that_the_service_would_ignore_are_refused(self, aws):
        client = aws.client("sagemaker", config=Config(parameter_validation=False))
        body = {"ModelName": "absent"}
        client.meta.events.register(
            "before-call.sagemaker.DescribeModel",
            lambda params, **_: params.update(body=json.dumps(body | {"Later": 1}).encode()),
        )
        with expect_error("ValidationException", "Unknown member 'later'"):
            client.describe_model(**body)


@pytest.mark.parametrize("key", ["test", "000000000000"])
def test_some_access_keys_are_root_without_a_valid_signature(aws, key):
    session = aws.session({"AccessKeyId": key, "SecretAccessKey": "anything"})
    assert session.client("sts").get_caller_identity()["Arn"].endswith(":root")


def make_alarm(aws, **watched) -> str:
    """Make an alarm on a value above 0, and return its name."""
    name, more = unique_name("alarm"), {"Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
    aws.client("cloudwatch").put_metric_alarm(AlarmName=name, EvaluationPeriods=1, **more, **watched)
    return name


def read_alarm(aws, name: str, namespace: str, **point) -> str:
    """Publish a value of 1, and return the state of an alarm."""
    client = aws.client("cloudwatch")
    client.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 1, **point}])
    (alarm,) = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return alarm["StateValue"]


def test_an_alarm_on_an_expression_is_not_evaluated(aws):
    namespace = unique_name("namespace")
    stat = {"Metric": {"Namespace": namespace, "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "e", "Expression": "m1 * 2"}, {"Id": "m1", "ReturnData": False, "MetricStat": stat}]
    assert read_alarm(aws, make_alarm(aws, Metrics=queries), namespace) == "INSUFFICIENT_DATA"


def test_a_log_line_is_no_metric(aws):
    namespace = unique_name("namespace")
    metric = {"Namespace": namespace, "Dimensions": [[]], "Metrics": [{"Name": "m"}]}
    line = json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}, "m": 1})
    function = make_function(aws, f"print({line!r})")
    aws.client("lambda").invoke(FunctionName=function)
    logs = aws.client("logs")
    wait_for(lambda: logs.filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern='"_aws"')["events"])
    assert aws.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"] == []
