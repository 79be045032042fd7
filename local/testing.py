"""Helpers for tests of the embedded AWS: roles, buckets, model archives and events, each with a unique name."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import uuid
import zipfile
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from seqdrop.models.packing import make_tar_gz

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3

    from local.embedded import EmbeddedAws

ENDED = frozenset({"Completed", "Failed", "Stopped"})
VERSION = "2012-10-17"
Value = TypeVar("Value")


def unique_name(word: str) -> str:
    """Return a unique name that is valid for buckets, roles and jobs."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def make_role(aws: EmbeddedAws, *statements: dict, service: str = "sagemaker.amazonaws.com") -> str:
    """Create a role with only these permissions, which the service and the account may assume; return its ARN."""
    iam, name = aws.client("iam"), unique_name("role")
    principal = {"Service": service, "AWS": f"arn:aws:iam::{aws.account}:root"}
    trust = make_policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=make_policy(*statements))
    return arn


def make_policy(*statements: dict) -> str:
    """Return a policy document."""
    return json.dumps({"Version": VERSION, "Statement": list(statements)})


def allow(actions: str | list[str], resources: str | list[str] = "*", **fields: object) -> dict:
    """Return a policy statement that allows the actions; `fields` are added to it."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **fields}


def assume_role(aws: EmbeddedAws, role: str) -> boto3.Session:
    """Return a session with the permissions of a role."""
    response = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")
    return aws.session(response["Credentials"])


def make_bucket(aws: EmbeddedAws, versioned: bool = False) -> str:
    """Create a bucket that sends its events to EventBridge; return its name."""
    s3, name = aws.client("s3"), unique_name("bucket")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def run_function(aws: EmbeddedAws, source: str, role: str, **variables: str) -> object:
    """Create a function whose module defines `handler`, invoke it once, and return its response."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", source)
    name, functions = unique_name("function"), aws.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": variables},
        Timeout=30,
    )
    response = functions.invoke(FunctionName=name)
    payload = json.loads(response["Payload"].read())
    if "FunctionError" in response:
        raise AssertionError(payload)
    return payload


def expire_restored_copy(aws: EmbeddedAws, bucket: str, key: str, version_id: str = "") -> None:
    """End the restored copy of an object now, as if its days were over: S3 announces it, and it is archived again.

    Raise HTTPError (404) if the object has no restored copy.
    """
    query = f"?versionId={version_id}" if version_id else ""
    url = f"{aws.endpoint}/_seqdrop/expire-restore/{bucket}/{quote(key)}{query}"
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()  # noqa: S310 # nosec B310 # loopback


def make_model_archive(files: dict[str, str]) -> bytes:
    """Return a model.tar.gz of these files."""
    return make_tar_gz({name: text.encode() for name, text in files.items()})


def wait_for(probe: Callable[[], Value], timeout: float = 20, pause: float = 0.05) -> Value:
    """Call the probe until it returns a true value, and return that value.

    `timeout` and `pause` are seconds. Raise AssertionError if there is no true value in time.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := probe():
            return value
        time.sleep(pause)
    raise AssertionError(f"the condition was not met in {timeout} s")


def wait_for_transform_job(aws: EmbeddedAws, name: str) -> dict:
    """Wait until a transform job has ended, and return its description."""
    client = aws.client("sagemaker")

    def probe() -> dict | None:
        job = client.describe_transform_job(TransformJobName=name)
        return job if job["TransformJobStatus"] in ENDED else None

    return wait_for(probe, timeout=40)


def expect_error(code: str, message: str = "") -> pytest.RaisesExc[ClientError]:
    """Expect a ClientError with this code and with a message that matches the pattern `message`."""
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


class EventLog:
    """The events of the default bus that match a pattern, received in a queue of its own."""

    def __init__(self, aws: EmbeddedAws, pattern: Mapping[str, object]) -> None:
        name, self._sqs = unique_name("events"), aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}"
        document = make_policy(allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"}))
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": document})
        events = aws.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "log", "Arn": arn}])
        self._events: list[dict] = []

    def first(self, count: int) -> list[dict]:
        """Wait for `count` events, and return the first `count` of them."""
        wait_for(lambda: self._receive() >= count)
        return self._events[:count]

    def _receive(self) -> int:
        response = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in response.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            self._events.append(json.loads(message["Body"]))
        return len(self._events)


class Inbox:
    """A topic, and the messages about inferences that are published to it."""

    def __init__(self, aws: EmbeddedAws) -> None:
        name, self._sqs, sns = unique_name("inbox"), aws.client("sqs"), aws.client("sns")
        self.topic = sns.create_topic(Name=name)["TopicArn"]
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}"
        document = make_policy(allow("sqs:SendMessage", arn, Principal={"Service": "sns.amazonaws.com"}))
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": document})
        options = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes=options)
        self._messages: dict[str, list[dict]] = {}

    def wait_for(self, inference: str) -> dict:
        """Wait for the message about an inference, and return it."""
        wait_for(lambda: self.has(inference), timeout=40)
        return self._messages[inference].pop(0)

    def has(self, inference: str) -> bool:
        """Return True if a message about this inference has come."""
        response = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for received in response.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=received["ReceiptHandle"])
            message = json.loads(received["Body"])
            self._messages.setdefault(message["inferenceId"], []).append(message)
        return bool(self._messages.get(inference))


class ModelBench:
    """The prerequisites of a transform job: a bucket, an execution role, and a model with its data in the bucket."""

    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/model:1"

    def __init__(self, aws: EmbeddedAws, code: str, role: str | None = None) -> None:
        self.aws, self.bucket = aws, make_bucket(aws)
        self.role = role or make_role(aws, allow(["s3:*", "logs:*"]))
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.data = self.put("model.tar.gz", make_model_archive({"code/inference.py": code, "suffix": "!"}))
        self.model = self.create_model()

    def put(self, key: str, content: bytes) -> str:
        """Write an object to the bucket; return its URL."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def create_model(self, **changes: object) -> str:
        """Create a model and return its name.

        ExecutionRoleArn, VpcConfig, Tags and EnableNetworkIsolation change the request, and other `changes` the
        container.
        """
        name = unique_name("model")
        members = ("ExecutionRoleArn", "VpcConfig", "Tags", "EnableNetworkIsolation")
        outer = {key: changes.pop(key) for key in members if key in changes}
        container = {"Image": self.image, "ModelDataUrl": self.data} | changes
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, **({"ExecutionRoleArn": self.role} | outer)
        )
        return name

    def request(self, source: str, **changes: object) -> dict:
        """Return a CreateTransformJob request that reads lines below the prefix `source`, or from a manifest."""
        kind = changes.pop("S3DataType", "S3Prefix")
        url = f"s3://{self.bucket}/{source}"
        transform_input = {
            "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": url}},
            "SplitType": "Line",
            "ContentType": "text/plain",
        } | changes.pop("TransformInput", {})
        transform_output = {"S3OutputPath": f"s3://{self.bucket}/out/"} | changes.pop("TransformOutput", {})
        return {
            "TransformJobName": unique_name("job"),
            "ModelName": self.model,
            "TransformInput": transform_input,
            "TransformOutput": transform_output,
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | changes

    def start(self, source: str, **changes: object) -> str:
        """Start a job and return its name."""
        request = self.request(source, **changes)
        self.sagemaker.create_transform_job(**request)
        return request["TransformJobName"]

    def run(self, source: str, **changes: object) -> dict:
        """Start a job, wait until it has ended, and return its description."""
        return wait_for_transform_job(self.aws, self.start(source, **changes))

    def outputs(self) -> dict[str, bytes]:
        """Return the objects below the output path, by their relative key."""
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="out/").get("Contents", [])
        keys = [entry["Key"] for entry in page]
        return {
            key.removeprefix("out/"): self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys
        }


WORDS = {
    "raise": 'raise ValueError("no such base")',
    "die": "import os; os._exit(3)",
    "wait": "import time; time.sleep(60)",
}
"""What the code of `endpoint_code` does with a payload that is one of these words."""


def endpoint_code(*words: str) -> str:
    """Return code of a model that responds with the payload in capitals and a suffix; `words` are keys of WORDS."""
    special = "".join(f"    if data == {word!r}: {WORDS[word]}\n" for word in words)
    return f"""
def model_fn(d): return open(d + "/suffix").read()
def input_fn(data, content_type): return data
def predict_fn(data, suffix):
{special}    return data.upper() + suffix
def output_fn(prediction, accept): return prediction
"""


class EndpointBench(ModelBench):
    """The prerequisites of an endpoint, and its client."""

    def __init__(self, aws: EmbeddedAws, code: str, role: str | None = None) -> None:
        super().__init__(aws, code, role or make_role(aws, allow(["s3:*", "logs:*", "sns:Publish", "kms:*"])))
        self.runtime = aws.client("sagemaker-runtime")

    def variant(self, **changes: object) -> dict:
        """Return a production variant of one instance."""
        variant = {"VariantName": "AllTraffic", "ModelName": self.model, "InstanceType": "ml.m5.large"}
        return variant | {"InitialInstanceCount": 1} | changes

    def config_of(self, code: str, suffix: str = "!") -> str:
        """Create a configuration of a new model with this code, and return its name."""
        archive = make_model_archive({"code/inference.py": code, "suffix": suffix})
        model = self.create_model(ModelDataUrl=self.put(f"{unique_name('model')}.tar.gz", archive))
        return self.create_config(ProductionVariants=[self.variant(ModelName=model)])

    def create_config(self, **changes: object) -> str:
        """Create a configuration and return its name."""
        request = {"EndpointConfigName": unique_name("config"), "ProductionVariants": [self.variant()]} | changes
        self.sagemaker.create_endpoint_config(**request)
        return request["EndpointConfigName"]

    def create_async_config(self, topic: str, model: str | None = None, **notification: object) -> str:
        """Create a configuration of an asynchronous endpoint that publishes all results to a topic; return its name."""
        output = {
            "S3OutputPath": f"s3://{self.bucket}/async/",
            "S3FailurePath": f"s3://{self.bucket}/async-failures/",
            "NotificationConfig": {"SuccessTopic": topic, "ErrorTopic": topic} | notification,
        }
        variants = [self.variant(ModelName=model or self.model)]
        return self.create_config(ProductionVariants=variants, AsyncInferenceConfig={"OutputConfig": output})

    def create_endpoint(self, config: str | None = None, status: str = "InService", **changes: object) -> str:
        """Create an endpoint, wait until it has this status, and return its name."""
        config = config or self.create_config()
        request = {"EndpointName": unique_name("endpoint"), "EndpointConfigName": config} | changes
        self.sagemaker.create_endpoint(**request)
        self.wait_for_status(request["EndpointName"], status)
        return request["EndpointName"]

    def wait_for_status(self, endpoint: str, status: str) -> dict:
        """Wait until an endpoint has a status, and return its description."""

        def probe() -> dict | None:
            description = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            return description if description["EndpointStatus"] == status else None

        return wait_for(probe, timeout=40)

    def delete_endpoint(self, endpoint: str) -> None:
        """Delete an endpoint, and wait until it has gone."""
        self.sagemaker.delete_endpoint(EndpointName=endpoint)
        wait_for(lambda: not self.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"])

    def invoke(self, endpoint: str, body: bytes, **parameters: object) -> bytes:
        """Return the response of an endpoint to a text."""
        request = {"ContentType": "text/csv"} | parameters
        return self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **request)["Body"].read()

    def invoke_variant(self, endpoint: str, **parameters: object) -> str:
        """Return the name of the variant that responds."""
        response = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"a", ContentType="text/csv", **parameters)
        return response["InvokedProductionVariant"]

    def read(self, url: str) -> bytes:
        """Return the content of an object of the bucket."""
        key = url.removeprefix(f"s3://{self.bucket}/")
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


def order_datasync(aws: EmbeddedAws, **orders: object) -> None:
    """Give orders to the embedded DataSync: executions fail, wait or send no events (local/datasync/controls.py)."""
    url, body = f"{aws.endpoint}/_seqdrop/datasync", json.dumps(orders).encode()
    request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310 # loopback
    urllib.request.urlopen(request).close()  # noqa: S310 # nosec B310 # loopback
