"""Rules with a schedule send their events."""

import time

import pytest

from local.testing import allow, make_policy, unique_name, wait_for

pytest_plugins = ["local.fixtures"]


@pytest.mark.long
def test_a_rule_with_a_rate_of_a_minute_sends_an_event_after_a_minute(aws):
    sqs, events, name = aws.client("sqs"), aws.client("events"), unique_name("clock")
    arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}"
    anyone = make_policy(allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"}))
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": anyone})["QueueUrl"]
    start = time.monotonic()
    events.put_rule(Name=name, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=name, Targets=[{"Id": "one", "Arn": arn}])
    (message,) = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), timeout=120, pause=0.5)
    assert '"Scheduled Event"' in message["Body"]
    assert time.monotonic() - start > 55  # the interval begins when the rule is created
