"""Whether the parts of a stack work: functions, events of dropped files, mails, alarms, dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop_cli.dead_letters import find_queues
from seqdrop_cli.doctor.finding import FAILED, OK, WARNING, Finding
from seqdrop_cli.doctor.stack import ALARM, RULE
from seqdrop_cli.subscriptions import ADVICE, describe_pending, is_pending, list_subscriptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.doctor.stack import Stack

FUNCTIONS, EVENTS, MAILS, ALARMS, DEAD_LETTERS = "functions", "events", "mails", "alarms", "dead letters"
WAIT = "after a deploy, events begin after about five minutes; the reconciler finds files that were dropped earlier"
CALLABLE = ("Active", "Inactive")  # an inactive function was not called for weeks, and starts when it is


def check_functions(stack: Stack) -> Iterator[Finding]:
    """Yield a finding for each function that cannot be called, or one for all."""
    broken = {name: it for name, it in stack.functions.items() if it.get("State", "Active") not in CALLABLE}
    for name, function in broken.items():
        reason = function.get("StateReason", function["State"])
        yield Finding(FUNCTIONS, FAILED, f"{name} cannot be called: {reason}", "deploy the stack again: `sam deploy`")
    if not broken:
        runtimes = sorted({function["Runtime"] for function in stack.functions.values()})
        yield Finding(FUNCTIONS, OK, f"{len(stack.functions)} functions on {', '.join(runtimes)}")


def check_events(stack: Stack) -> Iterator[Finding]:
    """Yield whether dropped files and finished jobs cause events."""
    bucket = stack.target.landing
    configuration = stack.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    if "EventBridgeConfiguration" not in configuration:
        advice = "deploy the stack again; another program has replaced the notification configuration of the bucket"
        yield Finding(EVENTS, FAILED, "the landing bucket sends no events to EventBridge", advice)
    events = stack.client("events")
    off = [name for name, rule in stack.of_type(RULE).items() if events.describe_rule(Name=rule)["State"] != "ENABLED"]
    for name in off:
        yield Finding(EVENTS, FAILED, f"the rule {name} is disabled", "enable it in EventBridge, or deploy again")
    if "EventBridgeConfiguration" in configuration and not off:
        yield Finding(EVENTS, OK, f"the landing bucket sends events; {WAIT}")


def check_mails(stack: Stack) -> Iterator[Finding]:
    """Yield whether the lab receives mails."""
    subscriptions = list_subscriptions(stack.client("sns"), stack.settings["topic"])
    pending = [subscription for subscription in subscriptions if is_pending(subscription)]
    for subscription in pending:
        yield Finding(MAILS, FAILED, describe_pending(subscription), ADVICE)
    if not subscriptions:
        advice = "deploy with AlertEmail, or subscribe to the topic of the output Topic"
        yield Finding(MAILS, WARNING, "there is no subscription, so rejections and failures are not mailed", advice)
    elif not pending:
        yield Finding(MAILS, OK, f"{len(subscriptions)} confirmed")


def check_alarms(stack: Stack) -> Iterator[Finding]:
    """Yield a finding for each alarm that is raised, or one for all."""
    alarms = stack.of_type(ALARM)
    names = {physical: name for name, physical in alarms.items()}
    pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=list(names))
    raised = [alarm for page in pages for alarm in page["MetricAlarms"] if alarm["StateValue"] == "ALARM"]
    for alarm in raised:
        advice = "docs/operations.md says what each alarm means"
        yield Finding(ALARMS, FAILED, f"{names[alarm['AlarmName']]} is raised", advice)
    if not raised:
        yield Finding(ALARMS, OK, f"none of {len(alarms)} is raised")


def check_dead_letters(stack: Stack) -> Iterator[Finding]:
    """Yield whether there are messages that a function could not handle."""
    queues = find_queues(stack.target.client("sqs"), stack.target.queues())
    filled = [queue for queue in queues if queue.count]
    for queue in filled:
        text = f"{queue.count} messages that {queue.name} could not handle"
        yield Finding(DEAD_LETTERS, WARNING, text, f"`seqdrop redrive {queue.name}` shows them; the log has the cause")
    if not filled:
        yield Finding(DEAD_LETTERS, OK, "none")
