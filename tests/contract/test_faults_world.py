"""tests/faults plays against an AWS in memory: here the same calls are made to that and to the embedded one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import boto3
import pytest
from botocore.exceptions import ClientError

from local.testing import ModelBench, ended_job, make_bucket, unique
from tests.faults.world.hook import ENVIRONMENT, Wire
from tests.faults.world.model import POISON
from tests.faults.world.template import of_type, value
from tests.faults.world.world import World

pytest_plugins = ["local.fixtures"]

# What the functions, or the tests of faults, read of an answer.
READ = {
    *("Body", "ContentLength", "ContentType", "ETag", "Metadata", "StorageClass", "ChecksumSHA256", "CopyObjectResult"),
    *("Contents", "Key", "KeyCount", "IsTruncated", "Size", "Versions", "VersionId", "IsLatest", "DeleteMarkers"),
    *("Item", "Items", "Count", "S", "N", "DeleteMarker", "CancellationReasons", "Code", "TransformJobStatus"),
}
NAMES = ("VersionId", "VersionIdMarker", "NextVersionIdMarker")  # each service makes up its own


@dataclass
class Side:
    """One of the two. `said` is what it answered, with version ids told by the order in which they came."""

    clients: Callable
    versioned: str
    plain: str
    table: str
    said: list = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def ask(self, service: str, operation: str, **request) -> dict:
        """Make a call and note what came of it; answers that, or nothing."""
        try:
            answer = getattr(self.clients(service), operation)(**request)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            reasons = self._plain(error.response.get("CancellationReasons", []))
            known = "already existing" in error.response["Error"]["Message"]  # all that tells it from other refusals
            self.said.append((operation, error.response["Error"]["Code"], status, known, reasons))
            return {}
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
        self.said.append((operation, self._plain(answer)))
        return answer

    def _plain(self, told):
        if isinstance(told, dict):
            return {name: self._named(name, one) for name, one in told.items() if name in READ or name.islower()}
        return [self._plain(one) for one in told] if isinstance(told, list) else told

    def _named(self, name: str, told):
        if name in NAMES and isinstance(told, str):
            return self.ids.setdefault(told, f"version {len(self.ids) + 1}")
        if name == "Message":
            return None
        return self._plain(told)


@pytest.fixture
def memory(monkeypatch) -> Iterator[Side]:
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    world, wire, made = World(), Wire(), {}
    wire.answer = world.call

    def client(service: str):
        if service not in made:
            made[service] = boto3.client(service)
            wire.attach(made[service])
        return made[service]

    side = Side(client, world.name("archive"), world.name("work"), world.name("table"))
    side.world = world
    return side


@pytest.fixture
def embedded(aws) -> Side:
    (properties,) = of_type("AWS::DynamoDB::Table").values()
    shape = {name: value(properties[name]) for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")}
    table = aws.client("dynamodb").create_table(TableName=unique("table"), BillingMode="PAY_PER_REQUEST", **shape)
    name = table["TableDescription"]["TableName"]
    return Side(aws.client, make_bucket(aws, versioned=True), make_bucket(aws), name)


def versions(side: Side) -> None:
    """What archive, validate and reconcile do with versions: read, head, copy, delete, list."""
    bucket = {"Bucket": side.versioned}
    about = {"ContentType": "text/plain", "Metadata": {"run": "7"}}
    first = side.ask("s3", "put_object", **bucket, Key="a b+é", Body=b"one", **about)["VersionId"]
    second = side.ask("s3", "put_object", **bucket, Key="a b+é", Body=b"two", **about)["VersionId"]
    for wanted in ({}, {"VersionId": first}, {"VersionId": second}):
        side.ask("s3", "get_object", **bucket, Key="a b+é", **wanted)
        side.ask("s3", "head_object", **bucket, Key="a b+é", **wanted)
    side.ask("s3", "get_object", **bucket, Key="a b+é", Range="bytes=1-1")
    side.ask("s3", "get_object", **bucket, Key="a b+é", IfMatch='"no"')
    side.ask("s3", "get_object", **bucket, Key="absent")
    side.ask("s3", "head_object", **bucket, Key="absent")
    source = {"Bucket": side.versioned, "Key": "a b+é", "VersionId": first}
    target = {"Bucket": side.plain, "Key": "copies/a", "CopySource": source}
    cold = {"StorageClass": "DEEP_ARCHIVE", "ChecksumAlgorithm": "SHA256"}
    side.ask("s3", "copy_object", **target, **cold, IfNoneMatch="*")
    side.ask("s3", "copy_object", **target, **cold, IfNoneMatch="*")
    side.ask("s3", "head_object", Bucket=side.plain, Key="copies/a", ChecksumMode="ENABLED")
    side.ask("s3", "get_object", Bucket=side.plain, Key="copies/a")
    side.ask("s3", "delete_object", **bucket, Key="a b+é", VersionId=first)
    side.ask("s3", "delete_object", **bucket, Key="a b+é", VersionId=first)
    side.ask("s3", "head_object", **bucket, Key="a b+é", VersionId=first)
    side.ask("s3", "get_object", **bucket, Key="a b+é", VersionId=first)
    side.ask("s3", "copy_object", **target)
    side.ask("s3", "delete_object", **bucket, Key="a b+é")
    side.ask("s3", "head_object", **bucket, Key="a b+é")
    side.ask("s3", "head_object", **bucket, Key="a b+é", VersionId=second)
    side.ask("s3", "list_object_versions", **bucket)


def pages(side: Side) -> None:
    """Listings end where they should, and go on there."""
    for name in "abcde":
        side.ask("s3", "put_object", Bucket=side.versioned, Key=f"p/{name}", Body=name.encode())
    side.ask("s3", "put_object", Bucket=side.versioned, Key="p/b", Body=b"again")
    place, found = {}, []
    while True:
        page = side.clients("s3").list_object_versions(Bucket=side.versioned, MaxKeys=2, **place)
        found.append([(one["Key"], one["Size"], one["IsLatest"]) for one in page["Versions"]])
        if not page["IsTruncated"]:
            break
        place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    side.said.append(found)
    pager = side.clients("s3").get_paginator("list_objects_v2")
    listed = pager.paginate(Bucket=side.versioned, Prefix="p/", PaginationConfig={"PageSize": 2})
    side.said.append([[one["Key"] for one in page["Contents"]] for page in listed])
    side.ask("s3", "list_objects_v2", Bucket=side.versioned, Prefix="nothing/")


def item(pk: str, sk: str = "UPLOAD", **more: str | int) -> dict:
    told = {"pk": pk, "sk": sk, **more}
    return {name: {"N": str(one)} if isinstance(one, int) else {"S": one} for name, one in told.items()}


def writes(side: Side) -> None:
    """The ledger's writes: each conditional, several in one transaction."""

    def write(*puts: dict, **more) -> None:
        side.ask("dynamodb", "transact_write_items", TransactItems=[{"Put": put} for put in puts], **more)

    def new(told: dict) -> dict:
        return {"TableName": side.table, "Item": told, "ConditionExpression": "attribute_not_exists(pk)"}

    def after(told: dict, state: str, revision: int) -> dict:
        return {
            "TableName": side.table,
            "Item": told,
            "ConditionExpression": "#state = :state AND #revision = :revision",
            "ExpressionAttributeNames": {"#state": "state", "#revision": "revision"},
            "ExpressionAttributeValues": {":state": {"S": state}, ":revision": {"N": str(revision)}},
        }

    write(new(item("U#1", kind="upload", state="RECEIVED", revision=1)))
    write(new(item("U#1", kind="upload", state="RECEIVED", revision=1)))
    write(
        after(item("U#1", kind="upload", state="VALIDATED", revision=2), "RECEIVED", 1),
        new(item("U#1", "A#1", kind="attempt", state="PLANNED")),
    )
    write(
        after(item("U#1", kind="upload", state="ARCHIVED", revision=2), "RECEIVED", 1),
        new(item("U#2", kind="upload", state="RECEIVED")),
    )
    write(after(item("U#3", kind="upload", state="ARCHIVED", revision=2), "RECEIVED", 1))
    write(new(item("U#4")), new(item("U#4")))
    write(new(item("U#5")), ClientRequestToken="one-and-the-same")
    write(new(item("U#5")), ClientRequestToken="one-and-the-same")
    for pk in ("U#1", "U#2", "U#4", "U#5"):
        side.ask("dynamodb", "get_item", TableName=side.table, Key=item(pk), ConsistentRead=True)
    asked = {"Keys": [item("U#1"), item("U#9")], "ConsistentRead": True, "ProjectionExpression": "state, pk"}
    asked["ProjectionExpression"] = "pk"
    answer = side.clients("dynamodb").batch_get_item(RequestItems={side.table: asked})
    side.said.append((answer["Responses"][side.table], answer["UnprocessedKeys"]))


def queries(side: Side) -> None:
    """By partition and by state: in order, within bounds, page by page."""
    for number in range(4):
        told = item(
            f"U#{number}", kind_kind="upload", state="upload#WAITING", moved_at=f"2026-01-0{number + 1}T00:00:00.000Z"
        )
        side.ask("dynamodb", "put_item", TableName=side.table, Item=told)
        side.ask("dynamodb", "put_item", TableName=side.table, Item=item("U#1", f"ATTEMPT#reads#000{number}"))
    own = {":pk": {"S": "U#1"}, ":start": {"S": "ATTEMPT#"}}
    partition = "pk = :pk AND begins_with(sk, :start)"
    table = {"TableName": side.table}
    side.ask("dynamodb", "query", **table, KeyConditionExpression=partition, ExpressionAttributeValues=own)
    state, day = {":state": {"S": "upload#WAITING"}}, {":day": {"S": "2026-01-03T00:00:00.000Z"}}
    first = {":first": {"S": "2026-01-02T00:00:00.000Z"}}
    for condition, values in (
        ("kind_state = :state", state),
        ("kind_state = :state AND moved_at < :day", state | day),
        ("(kind_state = :state AND moved_at BETWEEN :first AND :day)", state | day | first),
    ):
        asked = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
        side.ask("dynamodb", "query", **table, IndexName="by_state", **asked)
    pager = side.clients("dynamodb").get_paginator("query")
    asked = {"KeyConditionExpression": "kind_state = :state", "ExpressionAttributeValues": state}
    listed = pager.paginate(**table, IndexName="by_state", **asked, PaginationConfig={"PageSize": 3})
    side.said.append([[one["pk"] for one in page["Items"]] for page in listed])


@pytest.mark.parametrize("script", [versions, pages, writes, queries])
def test_both_answer_alike(memory, embedded, script):
    script(memory)
    script(embedded)
    assert [pair for pair in zip(memory.said, embedded.said, strict=True) if pair[0] != pair[1]] == []


def test_a_message_is_hidden_counted_and_at_last_a_dead_letter(memory, aws):
    """As SQS does it with a queue like ours; the world's are emptied by itself, as by Lambda."""
    sqs, (dead, queue) = aws.client("sqs"), (unique("dead"), unique("queue"))
    dead_url = sqs.create_queue(QueueName=dead)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    url = sqs.create_queue(QueueName=queue, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    theirs = []
    for _ in range(6):
        got = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
        for message in got.get("Messages", []):
            theirs.append(message["Attributes"]["ApproximateReceiveCount"])
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    left = len(sqs.receive_message(QueueUrl=dead_url).get("Messages", []))
    name = "ArchiveQueue"
    queues = memory.world.queues
    ours_url = memory.world.environment["SEQDROP_ARCHIVE_QUEUE"]
    memory.clients("sqs").send_message(QueueUrl=ours_url, MessageBody="{}")
    ours = []
    for _ in range(6):
        for message in queues.receive(name, queues.visible(name)):
            record = message.record(name)
            ours.append(record["attributes"]["ApproximateReceiveCount"])
            memory.clients("sqs").change_message_visibility(
                QueueUrl=ours_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )
    assert (ours, len(queues.messages["ArchiveDeadLetters"])) == (theirs, left) == (["1", "2", "3", "4", "5"], 1)


CODE = """
import json, os

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return bytes(data).decode().splitlines()

def predict_fn(lines, model):
    if any(json.loads(line)["record"] == "POISON" for line in lines):
        os._exit(3)
    return lines

def output_fn(lines, accept):
    return "\\n".join(lines)
""".replace("POISON", POISON)


def jobs(side: Side, bucket: str, data: str, role: str, end: Callable[[str], None]) -> None:
    """Models and jobs: what is refused, what a manifest's job leaves and where, and one whose container dies."""
    container = {"Image": ModelBench.image, "ModelDataUrl": data}
    model = {"ModelName": unique("model"), "ExecutionRoleArn": role}
    side.ask("sagemaker", "create_model", **model, PrimaryContainer={**container, "ModelDataUrl": f"{data}.not"})
    side.ask("sagemaker", "create_model", **model, PrimaryContainer=container)
    side.ask("sagemaker", "create_model", **model, PrimaryContainer=container)
    for record in ("read", POISON):
        line = json.dumps({"id": "1", "record": record, "start": 0, "sequence": "ACGT"}) + "\n"
        put = side.clients("s3").put_object
        put(Bucket=bucket, Key=f"shards/{record}/a.jsonl", Body=line.encode())
        manifest = [{"prefix": f"s3://{bucket}/"}, f"shards/{record}/a.jsonl"]
        put(Bucket=bucket, Key=f"jobs/{record}", Body=json.dumps(manifest).encode())
        source = {"S3DataType": "ManifestFile", "S3Uri": f"s3://{bucket}/jobs/{record}"}
        request = {
            "TransformJobName": unique("job"),
            "ModelName": model["ModelName"],
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                "SplitType": "Line",
                "ContentType": "text/plain",
            },
            "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out/{record}/", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        side.ask("sagemaker", "describe_transform_job", TransformJobName=request["TransformJobName"])
        side.ask("sagemaker", "create_transform_job", **{**request, "ModelName": unique("absent")})
        side.ask("sagemaker", "create_transform_job", **request)
        side.ask("sagemaker", "create_transform_job", **request)
        end(request["TransformJobName"])
        side.ask("sagemaker", "create_transform_job", **request)
        told = side.ask("sagemaker", "describe_transform_job", TransformJobName=request["TransformJobName"])
        side.said.append(("FailureReason" in told, told["TransformInput"].get("CompressionType", "None")))
        listed = side.clients("s3").list_objects_v2(Bucket=bucket, Prefix=f"out/{record}/").get("Contents", [])
        side.said.append([one["Key"] for one in listed])


def test_both_run_jobs_alike(memory, embedded, aws):
    bench, world = ModelBench(aws, CODE), memory.world

    def end(name: str) -> None:
        world.clock.advance(3600)
        world.sagemaker.run()

    world.s3.put(memory.plain, "model.tar.gz", b"")
    jobs(memory, memory.plain, f"s3://{memory.plain}/model.tar.gz", bench.role, end)
    jobs(embedded, bench.bucket, bench.data, bench.role, lambda name: ended_job(aws, name))
    assert [pair for pair in zip(memory.said, embedded.said, strict=True) if pair[0] != pair[1]] == []
