"""What tests of the embedded AWS share: roles, buckets, model archives, events, all with names of their own."""

import json
import time
import uuid
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from seqdrop.models.packing import make_tar_gz

from local.embedded import EmbeddedAws

ENDED = frozenset({"Completed", "Failed", "Stopped"})
VERSION = "2012-10-17"


def unique_name(word: str) -> str:
    """A name nobody else has, fit for buckets, roles and jobs."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def make_role(aws: EmbeddedAws, *statements: dict, service: str = "sagemaker.amazonaws.com") -> str:
    """The ARN of a role that the service and the account may assume, with just these permissions."""
    iam, name = aws.client("iam"), unique_name("role")
    principal = {"Service": service, "AWS": f"arn:aws:iam::{aws.account}:root"}
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=policy(*statements))
    return arn


def policy(*statements: dict) -> str:
    """A policy document."""
    return json.dumps({"Version": VERSION, "Statement": list(statements)})


def allow(actions: str | list[str], resources: str | list[str] = "*", **more) -> dict:
    """A policy statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def assume_role(aws: EmbeddedAws, role: str):
    """A session with the permissions of a role."""
    answer = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    return aws.session(answer["Credentials"])


def make_bucket(aws: EmbeddedAws, versioned: bool = False) -> str:
    """A new bucket's name; its events go to EventBridge."""
    s3, name = aws.client("s3"), unique_name("bucket")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def make_model_archive(files: dict[str, str]) -> bytes:
    """A model.tar.gz of these files."""
    return make_tar_gz({name: text.encode() for name, text in files.items()})


def wait_for(probe: Callable, timeout: float = 20, pause: float = 0.05):
    """The first true value that the probe answers; AssertionError when there is none in time."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := probe():
            return value
        time.sleep(pause)
    raise AssertionError(f"nothing came in {timeout} s")


def wait_for_transform_job(aws: EmbeddedAws, name: str) -> dict:
    """The description of a transform job once it has ended."""
    client = aws.client("sagemaker")

    def probe() -> dict | None:
        job = client.describe_transform_job(TransformJobName=name)
        return job if job["TransformJobStatus"] in ENDED else None

    return wait_for(probe, timeout=40)


def expect_error(code: str, said: str = ""):
    """Expect the service's error with this code and, as a pattern, this in its message."""
    return pytest.raises(ClientError, match=rf"\({code}\).*{said}")


class EventLog:
    """The events of the default bus that fit a pattern, caught in a queue of its own."""

    def __init__(self, aws: EmbeddedAws, pattern: dict):
        name, self._sqs = unique_name("events"), aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}"
        document = policy(allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"}))
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": document})
        events = aws.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "log", "Arn": arn}])
        self._caught: list[dict] = []

    def first(self, count: int) -> list[dict]:
        """The first events, once there are so many."""
        wait_for(lambda: self._receive() >= count)
        return self._caught[:count]

    def _receive(self) -> int:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            self._caught.append(json.loads(message["Body"]))
        return len(self._caught)


class ModelBench:
    """A bucket, an execution role and a model in them: what a transform job needs."""

    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/model:1"

    def __init__(self, aws: EmbeddedAws, code: str, role: str | None = None):
        self.aws, self.bucket = aws, make_bucket(aws)
        self.role = role or make_role(aws, allow(["s3:*", "logs:*"]))
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.data = self.put("model.tar.gz", make_model_archive({"code/inference.py": code, "suffix": "!"}))
        self.model = self.create_model()

    def put(self, key: str, content: bytes) -> str:
        """Make an object; answers its URL."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def create_model(self, **changes) -> str:
        """A new model's name; `changes` go into its container, or into the request where they belong there."""
        name = unique_name("model")
        outer = {key: changes.pop(key) for key in ("ExecutionRoleArn", "Tags") if key in changes}
        container = {"Image": self.image, "ModelDataUrl": self.data} | changes
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, **({"ExecutionRoleArn": self.role} | outer)
        )
        return name

    def request(self, source: str, **changes) -> dict:
        """A CreateTransformJob request that reads lines from below `source` (or from a manifest)."""
        kind = changes.pop("S3DataType", "S3Prefix")
        url = f"s3://{self.bucket}/{source}"
        reading = {
            "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": url}},
            "SplitType": "Line",
            "ContentType": "text/plain",
        } | changes.pop("TransformInput", {})
        writing = {"S3OutputPath": f"s3://{self.bucket}/out/"} | changes.pop("TransformOutput", {})
        return {
            "TransformJobName": unique_name("job"),
            "ModelName": self.model,
            "TransformInput": reading,
            "TransformOutput": writing,
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | changes

    def start(self, source: str, **changes) -> str:
        """Start a job; answers its name."""
        request = self.request(source, **changes)
        self.sagemaker.create_transform_job(**request)
        return request["TransformJobName"]

    def run(self, source: str, **changes) -> dict:
        """Start a job and wait for its end; answers its description."""
        return wait_for_transform_job(self.aws, self.start(source, **changes))

    def outputs(self) -> dict[str, bytes]:
        """What lies below the output path, by key."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="out/").get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {
            key.removeprefix("out/"): self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys
        }
