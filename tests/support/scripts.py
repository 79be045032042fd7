"""What the functions ask of AWS, call by call: to be played to one AWS and to another, and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.testing import unique_name

if TYPE_CHECKING:
    from tests.support.side import Side


def versions(side: Side) -> None:
    """What archive, validate and reconcile do with versions: read, head, copy, delete, list."""
    bucket = {"Bucket": side.versioned}
    about = {"ContentType": "text/plain", "Metadata": {"run": "7"}}
    first = side.ask("s3", "put_object", **bucket, Key="a b+é", Body=b"one", **about)["VersionId"]
    second = side.ask("s3", "put_object", **bucket, Key="a b+é", Body=b"two", **about)["VersionId"]
    side.ask("s3", "put_object", **bucket, Key="a b+é", Body=b"three", IfNoneMatch="*")
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
    write(*(new(item(f"U#6 {number}")) for number in range(101)))
    for pk in ("U#1", "U#2", "U#4", "U#5", "U#6 1"):
        side.ask("dynamodb", "get_item", TableName=side.table, Key=item(pk), ConsistentRead=True)
    asked = {"Keys": [item("U#1"), item("U#9")], "ConsistentRead": True, "ProjectionExpression": "pk"}
    response = side.clients("dynamodb").batch_get_item(RequestItems={side.table: asked})
    side.said.append((response["Responses"][side.table], response["UnprocessedKeys"]))


def queries(side: Side) -> None:
    """By partition and by state: in order, within bounds, page by page."""
    for number in range(4):
        waiting = item(f"U#{number}", kind_state="upload#WAITING", moved_at=f"2026-01-0{number + 1}T00:00:00.000Z")
        side.ask("dynamodb", "put_item", TableName=side.table, Item=waiting)
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
    side.ask("dynamodb", "delete_item", **table, Key=item("U#2"))
    side.ask("dynamodb", "query", **table, IndexName="by_state", **asked, ScanIndexForward=False, Limit=2)


def messages(side: Side) -> None:
    """A queue from its making to its last message: sent, hidden, counted, received again, deleted."""
    sqs, name = side.clients("sqs"), unique_name("queue")
    queue = {"QueueUrl": side.ask("sqs", "create_queue", QueueName=name)["QueueUrl"]}
    side.said.append(sqs.create_queue(QueueName=name)["QueueUrl"] == queue["QueueUrl"])
    received: dict[str, str] = {}

    def receive(**more) -> None:
        names = {"MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
        batch = sqs.receive_message(**queue, MaxNumberOfMessages=10, **names, **more).get("Messages", [])
        side.said.append(sorted((one["Body"], one["Attributes"]["ApproximateReceiveCount"]) for one in batch))
        received.update({one["Body"]: one["ReceiptHandle"] for one in batch})
        side.ask("sqs", "get_queue_attributes", **queue, AttributeNames=["All"])

    side.ask("sqs", "get_queue_attributes", **queue, AttributeNames=["ApproximateNumberOfMessages"])
    side.ask("sqs", "send_message", **queue, MessageBody="first")
    entries = [{"Id": "a", "MessageBody": "second"}, {"Id": "b", "MessageBody": "late", "DelaySeconds": 900}]
    side.ask("sqs", "send_message_batch", **queue, Entries=entries)
    receive(VisibilityTimeout=600)
    receive()
    for body in ("first", "second"):
        handle = {"ReceiptHandle": received[body]}
        side.ask("sqs", "change_message_visibility", **queue, **handle, VisibilityTimeout=0)
    receive()
    for _ in range(2):
        side.ask("sqs", "delete_message", **queue, ReceiptHandle=received["first"])
    side.ask("sqs", "change_message_visibility", **queue, ReceiptHandle=received["first"], VisibilityTimeout=0)
    side.ask("sqs", "change_message_visibility", **queue, ReceiptHandle=received["second"], VisibilityTimeout=0)
    plain = sqs.receive_message(**queue)["Messages"]
    side.said.append([sorted(one.keys() & {"Attributes", "Body", "ReceiptHandle"}) for one in plain])
    absent = {"QueueUrl": f"{queue['QueueUrl']}-absent"}
    side.ask("sqs", "receive_message", **absent)
    side.ask("sqs", "get_queue_attributes", **absent, AttributeNames=["All"])
