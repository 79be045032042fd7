"""The functions' calls of AWS, played to two implementations of it and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.testing import unique_name

if TYPE_CHECKING:
    from tests.support.side import Side


def versions(side: Side) -> None:
    """Play the calls of archive, validate and reconcile for versions: read, head, copy, delete, list."""
    bucket = {"Bucket": side.versioned}
    about = {"ContentType": "text/plain", "Metadata": {"run": "7"}}
    first = side.call("s3", "put_object", **bucket, Key="a b+é", Body=b"one", **about)["VersionId"]
    second = side.call("s3", "put_object", **bucket, Key="a b+é", Body=b"two", **about)["VersionId"]
    side.call("s3", "put_object", **bucket, Key="a b+é", Body=b"three", IfNoneMatch="*")
    for version in ({}, {"VersionId": first}, {"VersionId": second}):
        side.call("s3", "get_object", **bucket, Key="a b+é", **version)
        side.call("s3", "head_object", **bucket, Key="a b+é", **version)
    side.call("s3", "get_object", **bucket, Key="a b+é", Range="bytes=1-1")
    side.call("s3", "get_object", **bucket, Key="a b+é", IfMatch='"no"')
    side.call("s3", "get_object", **bucket, Key="absent")
    side.call("s3", "head_object", **bucket, Key="absent")
    source = {"Bucket": side.versioned, "Key": "a b+é", "VersionId": first}
    target = {"Bucket": side.plain, "Key": "copies/a", "CopySource": source}
    cold = {"StorageClass": "DEEP_ARCHIVE", "ChecksumAlgorithm": "SHA256"}
    side.call("s3", "copy_object", **target, **cold, IfNoneMatch="*")
    side.call("s3", "copy_object", **target, **cold, IfNoneMatch="*")
    side.call("s3", "head_object", Bucket=side.plain, Key="copies/a", ChecksumMode="ENABLED")
    side.call("s3", "get_object", Bucket=side.plain, Key="copies/a")
    side.call("s3", "delete_object", **bucket, Key="a b+é", VersionId=first)
    side.call("s3", "delete_object", **bucket, Key="a b+é", VersionId=first)
    side.call("s3", "head_object", **bucket, Key="a b+é", VersionId=first)
    side.call("s3", "get_object", **bucket, Key="a b+é", VersionId=first)
    side.call("s3", "copy_object", **target)
    side.call("s3", "delete_object", **bucket, Key="a b+é")
    side.call("s3", "head_object", **bucket, Key="a b+é")
    side.call("s3", "head_object", **bucket, Key="a b+é", VersionId=second)
    side.call("s3", "list_object_versions", **bucket)


def refusals(side: Side) -> None:
    """Play reads and copies of objects whose bytes S3 does not return."""
    for number, properties in enumerate(
        (
            {"StorageClass": "GLACIER"},
            {"StorageClass": "DEEP_ARCHIVE"},
            {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        )
    ):
        place = {"Bucket": side.versioned, "Key": f"unreadable/{number}"}
        put = side.call("s3", "put_object", **place, Body=b"one", ContentType="text/plain", **properties)
        source = {**place, "VersionId": put["VersionId"]}
        for version in ({}, {"VersionId": put["VersionId"]}):
            side.call("s3", "get_object", **place, **version)
            side.call("s3", "get_object", **place, Range="bytes=0-0", **version)
            side.call("s3", "head_object", **place, **version)
        side.call("s3", "copy_object", Bucket=side.plain, Key="copies/cold", CopySource=source)


def pages(side: Side) -> None:
    """Play listings: pages end at the limit, and the next page continues there."""
    for name in "abcde":
        side.call("s3", "put_object", Bucket=side.versioned, Key=f"p/{name}", Body=name.encode())
    side.call("s3", "put_object", Bucket=side.versioned, Key="p/b", Body=b"again")
    place, versions = {}, []
    while True:
        page = side.clients("s3").list_object_versions(Bucket=side.versioned, MaxKeys=2, **place)
        versions.append([(entry["Key"], entry["Size"], entry["IsLatest"]) for entry in page["Versions"]])
        if not page["IsTruncated"]:
            break
        place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    side.responses.append(versions)
    pager = side.clients("s3").get_paginator("list_objects_v2")
    key_pages = pager.paginate(Bucket=side.versioned, Prefix="p/", PaginationConfig={"PageSize": 2})
    side.responses.append([[entry["Key"] for entry in page["Contents"]] for page in key_pages])
    side.call("s3", "list_objects_v2", Bucket=side.versioned, Prefix="nothing/")


def item(pk: str, sk: str = "UPLOAD", **more: str | int) -> dict:
    attributes = {"pk": pk, "sk": sk, **more}
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in attributes.items()}


def writes(side: Side) -> None:
    """Play the ledger's writes: conditional ones, and several in one transaction."""

    def write(*puts: dict, **more) -> None:
        side.call("dynamodb", "transact_write_items", TransactItems=[{"Put": put} for put in puts], **more)

    def new(attributes: dict) -> dict:
        return {"TableName": side.table, "Item": attributes, "ConditionExpression": "attribute_not_exists(pk)"}

    def after(attributes: dict, state: str, revision: int) -> dict:
        return {
            "TableName": side.table,
            "Item": attributes,
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
        side.call("dynamodb", "get_item", TableName=side.table, Key=item(pk), ConsistentRead=True)
    keys = {"Keys": [item("U#1"), item("U#9")], "ConsistentRead": True, "ProjectionExpression": "pk"}
    response = side.clients("dynamodb").batch_get_item(RequestItems={side.table: keys})
    side.responses.append((response["Responses"][side.table], response["UnprocessedKeys"]))


def queries(side: Side) -> None:
    """Play queries by partition and by state: in order, within bounds, and in pages."""
    for number in range(4):
        waiting = item(f"U#{number}", kind_state="upload#WAITING", moved_at=f"2026-01-0{number + 1}T00:00:00.000Z")
        side.call("dynamodb", "put_item", TableName=side.table, Item=waiting)
        side.call("dynamodb", "put_item", TableName=side.table, Item=item("U#1", f"ATTEMPT#reads#000{number}"))
    own = {":pk": {"S": "U#1"}, ":start": {"S": "ATTEMPT#"}}
    partition = "pk = :pk AND begins_with(sk, :start)"
    table = {"TableName": side.table}
    side.call("dynamodb", "query", **table, KeyConditionExpression=partition, ExpressionAttributeValues=own)
    state, day = {":state": {"S": "upload#WAITING"}}, {":day": {"S": "2026-01-03T00:00:00.000Z"}}
    first = {":first": {"S": "2026-01-02T00:00:00.000Z"}}
    for condition, values in (
        ("kind_state = :state", state),
        ("kind_state = :state AND moved_at < :day", state | day),
        ("(kind_state = :state AND moved_at BETWEEN :first AND :day)", state | day | first),
    ):
        conditions = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values}
        side.call("dynamodb", "query", **table, IndexName="by_state", **conditions)
    pager = side.clients("dynamodb").get_paginator("query")
    conditions = {"KeyConditionExpression": "kind_state = :state", "ExpressionAttributeValues": state}
    listed = pager.paginate(**table, IndexName="by_state", **conditions, PaginationConfig={"PageSize": 3})
    side.responses.append([[entry["pk"] for entry in page["Items"]] for page in listed])
    side.call("dynamodb", "delete_item", **table, Key=item("U#2"))
    side.call("dynamodb", "query", **table, IndexName="by_state", **conditions, ScanIndexForward=False, Limit=2)


def messages(side: Side) -> None:
    """Play a queue: messages are sent, hidden, counted, received again and deleted."""
    sqs, name = side.clients("sqs"), unique_name("queue")
    queue = {"QueueUrl": side.call("sqs", "create_queue", QueueName=name)["QueueUrl"]}
    side.responses.append(sqs.create_queue(QueueName=name)["QueueUrl"] == queue["QueueUrl"])
    received: dict[str, str] = {}

    def receive(**more) -> None:
        names = {"MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
        batch = sqs.receive_message(**queue, MaxNumberOfMessages=10, **names, **more).get("Messages", [])
        side.responses.append(
            sorted((message["Body"], message["Attributes"]["ApproximateReceiveCount"]) for message in batch)
        )
        received.update({message["Body"]: message["ReceiptHandle"] for message in batch})
        side.call("sqs", "get_queue_attributes", **queue, AttributeNames=["All"])

    side.call("sqs", "get_queue_attributes", **queue, AttributeNames=["ApproximateNumberOfMessages"])
    side.call("sqs", "send_message", **queue, MessageBody="first")
    entries = [{"Id": "a", "MessageBody": "second"}, {"Id": "b", "MessageBody": "late", "DelaySeconds": 900}]
    side.call("sqs", "send_message_batch", **queue, Entries=entries)
    receive(VisibilityTimeout=600)
    receive()
    for body in ("first", "second"):
        handle = {"ReceiptHandle": received[body]}
        side.call("sqs", "change_message_visibility", **queue, **handle, VisibilityTimeout=0)
    receive()
    for _ in range(2):
        side.call("sqs", "delete_message", **queue, ReceiptHandle=received["first"])
    side.call("sqs", "change_message_visibility", **queue, ReceiptHandle=received["first"], VisibilityTimeout=0)
    side.call("sqs", "change_message_visibility", **queue, ReceiptHandle=received["second"], VisibilityTimeout=0)
    plain = sqs.receive_message(**queue)["Messages"]
    side.responses.append([sorted(message.keys() & {"Attributes", "Body", "ReceiptHandle"}) for message in plain])
    absent = {"QueueUrl": f"{queue['QueueUrl']}-absent"}
    side.call("sqs", "receive_message", **absent)
    side.call("sqs", "get_queue_attributes", **absent, AttributeNames=["All"])


def multiparts(side: Side) -> None:
    """Play the calls of a copy in parts that is interrupted, continued, and refused because the copy exists."""
    source = {"Bucket": side.versioned, "Key": "large"}
    version = side.call("s3", "put_object", **source, Body=b"0123456789" * 600_000)["VersionId"]
    source, target = {**source, "VersionId": version}, {"Bucket": side.plain, "Key": "copies/large"}
    fields = {"ChecksumAlgorithm": "SHA256", "StorageClass": "DEEP_ARCHIVE", "ContentType": "text/plain"}
    s3 = side.clients("s3")

    def begin() -> str:
        return s3.create_multipart_upload(**target, **fields)["UploadId"]

    def copy_part(upload: str, number: int, copied: str) -> dict:
        response = side.call(
            "s3", "upload_part_copy", **target, UploadId=upload, PartNumber=number, CopySource=source,
            CopySourceRange=f"bytes={copied}",
        )  # fmt: skip
        result = response["CopyPartResult"]
        return {"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]}

    def show(upload: str) -> None:
        parts = s3.list_parts(**target, UploadId=upload).get("Parts", [])
        side.responses.append([(each["PartNumber"], each["Size"], each["ChecksumSHA256"]) for each in parts])
        listed = s3.list_multipart_uploads(Bucket=side.plain, Prefix="copies/large").get("Uploads", [])
        side.responses.append([(each["Key"], each["StorageClass"]) for each in listed])

    first, second = begin(), begin()
    parts = [copy_part(first, 1, "0-5242879"), copy_part(first, 2, "5242880-5999999")]
    show(first)
    copy_part(second, 1, "0-5999999")
    done = {"MultipartUpload": {"Parts": parts}, "IfNoneMatch": "*"}
    s3.complete_multipart_upload(**target, UploadId=first, **done)
    side.call("s3", "head_object", **target, ChecksumMode="ENABLED")
    side.call("s3", "list_parts", **target, UploadId=first)
    side.call("s3", "complete_multipart_upload", **target, UploadId=second, **done)
    show(second)
    side.call("s3", "abort_multipart_upload", **target, UploadId=second)
    side.call("s3", "abort_multipart_upload", **target, UploadId=second)
    side.call("s3", "upload_part_copy", **target, UploadId=second, PartNumber=1, CopySource=source)
