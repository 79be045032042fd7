"""A small AWS in memory (moto) for the stages. No claim about exactly-once rests on it; the e2e tests make those."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
import yaml
from moto import mock_aws
from seqdrop import analyses
from seqdrop.ledger.table import Ledger
from seqdrop.services import Services
from seqdrop.settings import Settings


class Template(yaml.SafeLoader):
    """Reads template.yaml; intrinsic functions become {tag: value}."""


Template.add_multi_constructor("!", lambda loader, tag, node: {tag: _plain(loader, node)})


def _plain(loader, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


@pytest.fixture(scope="session")
def template(repository) -> dict:
    """template.yaml as a tree: what tests say of tables and buckets is built from it, never written again."""
    return yaml.load((repository / "template.yaml").read_text(), Template)


@pytest.fixture
def cloud(monkeypatch) -> Iterator[None]:
    """moto in place of AWS, with credentials that are none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def ledger(cloud, template) -> Ledger:
    """The template's table in memory, with a clock that ticks once a write."""
    properties = template["Resources"]["Ledger"]["Properties"]
    shape = {k: properties[k] for k in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")}
    table = boto3.resource("dynamodb").create_table(TableName="ledger", **shape)
    ticks = itertools.count()
    return Ledger(table, lambda: f"2026-01-01T00:00:{next(ticks):06.3f}Z")


class FakeClock:
    """The time, as a test sets it."""

    def __init__(self, start: datetime):
        self.now = start

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock(monkeypatch) -> FakeClock:
    """Time that passes only when told to; from after all that the ledger's own clock says."""
    found = FakeClock(datetime(2026, 2, 1, tzinfo=UTC))
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: found.now)
    return found


@pytest.fixture
def sent() -> list[tuple[str, dict]]:
    """Messages that a stage put on queues, in order: (queue, body)."""
    return []


@pytest.fixture
def services(ledger, sent) -> Services:
    """Services whose buckets are moto's, whose queues and topic are lists."""
    s3 = boto3.client("s3")
    for bucket in ("landing", "work", "results", "archive"):
        s3.create_bucket(Bucket=bucket)
    for bucket in ("landing", "archive"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    names = {name: name for name in Settings.__dataclass_fields__}
    numbers = {"instance_count": 1, "stale_minutes": 30, "max_jobs": 10, "ledger_days": 0}
    settings = replace(Settings(**names), **numbers, instance_type="ml.m5.xlarge")
    settings = replace(settings, training_subnets="", training_security_groups="", training_isolation="false")
    sqs = SimpleNamespace(send_message=lambda QueueUrl, MessageBody: sent.append((QueueUrl, json.loads(MessageBody))))
    sns = SimpleNamespace(publish=lambda **mail: sent.append(("topic", mail)))
    return Services(settings, analyses.packaged(), ledger, s3, None, sqs, sns)
