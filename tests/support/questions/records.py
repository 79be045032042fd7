"""Questions about DynamoDB, SQS and EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.testing import unique_name, wait_for
from tests.support.questions.account import outcome

if TYPE_CHECKING:
    from tests.support.questions.account import Account


def _item(key: str, state: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": key}, "state": {"S": state}}


NEW = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def a_refused_write_returns_the_item(account: Account) -> Any:
    client, table = account.client("dynamodb"), account.table()
    client.put_item(TableName=table, Item=_item("a", "RECEIVED"))
    try:
        client.put_item(TableName=table, Item=_item("a", "NEW"), **NEW)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")
    return "written"


def a_cancelled_transaction_gives_reasons(account: Account) -> Any:
    client, table = account.client("dynamodb"), account.table()
    client.put_item(TableName=table, Item=_item("a", "RECEIVED"))
    moves = [{"Put": {"TableName": table, "Item": _item(key, "NEW"), **NEW}} for key in ("b", "a")]
    try:
        client.transact_write_items(TransactItems=moves)
    except ClientError as error:
        reasons = [(reason["Code"], reason.get("Item")) for reason in error.response["CancellationReasons"]]
        return error.response["Error"]["Code"], reasons, client.scan(TableName=table)["Count"]
    return "written"


def a_transaction_on_one_item_twice_is_refused(account: Account) -> Any:
    client, table = account.client("dynamodb"), account.table()
    put = {"Put": {"TableName": table, "Item": _item("a", "NEW")}}
    return outcome(client.transact_write_items, TransactItems=[put, put])


def an_empty_key_is_refused(account: Account) -> Any:
    return outcome(account.client("dynamodb").put_item, TableName=account.table(), Item=_item("", "NEW"))


def more_than_a_hundred_keys_are_refused(account: Account) -> Any:
    table = account.table()
    keys = [{"pk": {"S": str(number)}} for number in range(101)]
    return outcome(account.client("dynamodb").batch_get_item, RequestItems={table: {"Keys": keys}})


def an_item_over_400_kb_is_refused(account: Account) -> Any:
    return outcome(account.client("dynamodb").put_item, TableName=account.table(), Item=_item("a", "x" * 410_000))


def a_message_returns_until_it_is_a_dead_letter(account: Account) -> Any:
    client, (dead, arn) = account.client("sqs"), account.queue()
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    queue, _ = account.queue(RedrivePolicy=redrive, VisibilityTimeout="0")
    client.send_message(QueueUrl=queue, MessageBody="m")
    receive = {"QueueUrl": queue, "AttributeNames": ["ApproximateReceiveCount"], "WaitTimeSeconds": 1}
    counts = []
    for _ in range(3):
        messages = client.receive_message(**receive).get("Messages", [])
        counts += [message["Attributes"]["ApproximateReceiveCount"] for message in messages]
    dead_messages = client.receive_message(QueueUrl=dead, WaitTimeSeconds=5).get("Messages", [])
    return counts, [message["Body"] for message in dead_messages]


def a_batch_names_the_messages_that_it_refuses(account: Account) -> Any:
    client, (queue, _) = account.client("sqs"), account.queue()
    entries = [{"Id": "same", "MessageBody": "m"}, {"Id": "same", "MessageBody": "m"}]
    return [
        outcome(client.send_message_batch, QueueUrl=queue, Entries=entries),
        outcome(client.send_message_batch, QueueUrl=queue, Entries=[]),
        outcome(client.send_message, QueueUrl=queue, MessageBody="x" * (1 << 20) + "x"),
    ]


def an_event_that_cannot_be_delivered_is_a_dead_letter(account: Account) -> Any:
    events, sqs = account.client("events"), account.client("sqs")
    queue, arn = account.queue()
    dead, dead_arn = account.queue()
    rule = unique_name("opinion")
    rule_arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))["RuleArn"]
    for url, resource in ((queue, arn), (dead, dead_arn)):
        statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": resource}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    target = {"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}}
    events.put_targets(Rule=rule, Targets=[target])
    sqs.delete_queue(QueueUrl=queue)
    events.put_events(Entries=[{"Source": rule, "DetailType": "t", "Detail": '{"a": 1}'}])
    receive = {"QueueUrl": dead, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 5}
    messages = sqs.receive_message(**receive).get("Messages", [])
    return [
        (json.loads(message["Body"])["detail"], sorted(message.get("MessageAttributes", {})), bool(rule_arn))
        for message in messages
    ]


def an_event_reaches_its_queue(account: Account) -> Any:
    events, sqs = account.client("events"), account.client("sqs")
    queue, arn = account.queue()
    rule = unique_name("opinion")
    pattern = {"source": [rule], "detail": {"key": [{"wildcard": "a/*/b.txt"}], "size": [{"numeric": [">", 1]}]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": arn}])
    details = [{"key": "a/x/b.txt", "size": 2}, {"key": "a/b.txt", "size": 2}, {"key": "a/x/b.txt", "size": 1}]
    entries = [{"Source": rule, "DetailType": "t", "Detail": json.dumps(detail)} for detail in details]
    events.put_events(Entries=entries)

    def receive() -> list[Any]:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"])["detail"] for message in messages]

    return wait_for(receive)
