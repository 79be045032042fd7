"""Fixtures of unit tests: the tree of template.yaml, an account in memory with ledger and services, a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from seqdrop.ledger.table import Ledger

from tests.support.aws import template as of_template
from tests.support.aws.account import Account
from tests.support.aws.direct import Client
from tests.support.aws.wire import ENVIRONMENT, Wire
from tests.support.services import make_services, make_ticking_clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3
    from seqdrop.runtime.services import Services


@pytest.fixture(scope="session")
def template() -> dict:
    """template.yaml as a tree, from which tests take the settings of tables and buckets."""
    return of_template.tree()


@pytest.fixture(scope="session")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="session")
def wired_session(wire) -> boto3.Session:
    """A session shared by all tests, because botocore needs a second to read its models."""
    return wire.session()


@pytest.fixture(scope="session")
def wired_clients(wired_session) -> dict:
    """A client of each service, shared by all tests, because creating them takes ten milliseconds."""
    return {name: wired_session.client(name) for name in ("s3", "sqs", "sns")}


@pytest.fixture(scope="session")
def wired_dynamodb(wired_session):
    return wired_session.resource("dynamodb")


@pytest.fixture
def cloud(monkeypatch, wire, wired_session) -> Iterator[Account]:
    """An account to which every boto3 client sends its calls, with invalid credentials."""
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    account = Account()
    wire.respond = account.call
    with wire.attach_everywhere(wired_session):
        yield account


@pytest.fixture
def ledger(cloud, wired_dynamodb) -> Ledger:
    """The template's table in memory, with a clock that advances on each write."""
    return Ledger(wired_dynamodb.Table(cloud.table.name), make_ticking_clock())


class FakeClock:
    """A clock that a test sets."""

    def __init__(self, start: datetime):
        self.now = start

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock(monkeypatch) -> FakeClock:
    """A clock that only the test advances. It starts later than the clock of the ledger."""
    fake = FakeClock(datetime(2026, 2, 1, tzinfo=UTC))
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: fake.now)
    return fake


@pytest.fixture
def sent(cloud) -> list[tuple[str, dict]]:
    """Messages that a stage sent to queues, in order: (queue, body)."""
    return cloud.sent


def copy_client(client):
    """Return a copy of a client, whose methods a test may replace. It has the event handlers of the original."""
    copy = object.__new__(type(client))
    vars(copy).update(vars(client))
    return copy


@pytest.fixture
def services(cloud, ledger, wired_clients) -> Services:
    """Services that use the account's buckets, queues, topic and SageMaker."""
    clients = {name: copy_client(client) for name, client in wired_clients.items()}
    return make_services(ledger, sagemaker=Client(cloud, "sagemaker"), **clients)
