"""Who receives the mails of a stack: the subscriptions of its topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sns.type_defs import SubscriptionTypeDef

    from seqdrop_cli.target import Target

PENDING = "PendingConfirmation"
ADVICE = "open the mail of AWS and follow its link; if it expired after three days, deploy again with AlertEmail"


def list_subscriptions(sns: SNSClient, topic: str) -> list[SubscriptionTypeDef]:
    """Return the subscriptions of a topic."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return [subscription for page in pages for subscription in page["Subscriptions"]]


def is_pending(subscription: SubscriptionTypeDef) -> bool:
    """Return True if AWS's first mail was not answered yet, so that the subscription receives nothing."""
    return subscription["SubscriptionArn"] == PENDING


def describe_pending(subscription: SubscriptionTypeDef) -> str:
    """Return a sentence, without the address, about a subscription that is not confirmed."""
    return f"the {subscription['Protocol']} subscription is not confirmed, so it receives nothing"


def find_pending(target: Target) -> list[str]:
    """Return a sentence for each subscription of a stack that is not confirmed; none if that cannot be read.

    The credentials of a person who only looks at uploads may permit neither call.
    """
    try:
        topic = target.environment().get("SEQDROP_TOPIC", "")
        subscriptions = list_subscriptions(target.client("sns"), topic) if topic else []
    except (BotoCoreError, ClientError):
        return []
    return [describe_pending(subscription) for subscription in subscriptions if is_pending(subscription)]
