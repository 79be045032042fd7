"""What unit tests share: template.yaml as a tree, an account in memory, the ledger and services in it, a clock."""

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
    """template.yaml as a tree: what tests say of tables and buckets is built from it, never written again."""
    return of_template.tree()


@pytest.fixture(scope="session")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="session")
def wired_session(wire) -> boto3.Session:
    """One for all tests: that botocore reads its models takes a second."""
    return wire.session()


@pytest.fixture(scope="session")
def wired_clients(wired_session) -> dict:
    """One of each service for all tests: to make four takes ten milliseconds."""
    return {name: wired_session.client(name) for name in ("s3", "sqs", "sns")}


@pytest.fixture(scope="session")
def wired_dynamodb(wired_session):
    return wired_session.resource("dynamodb")


@pytest.fixture
def cloud(monkeypatch, wire, wired_session) -> Iterator[Account]:
    """An account that every client of boto3 reaches, with credentials that are none."""
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    account = Account()
    wire.respond = account.call
    with wire.attach_everywhere(wired_session):
        yield account


@pytest.fixture
def ledger(cloud, wired_dynamodb) -> Ledger:
    """The template's table in memory, with a clock that ticks once a write."""
    return Ledger(wired_dynamodb.Table(cloud.table.name), make_ticking_clock())


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
def sent(cloud) -> list[tuple[str, dict]]:
    """Messages that a stage put on queues, in order: (queue, body)."""
    return cloud.sent


def copy_client(client):
    """Return a copy of a client, whose methods a test may replace; handlers of events are the original's."""
    copy = object.__new__(type(client))
    vars(copy).update(vars(client))
    return copy


@pytest.fixture
def services(cloud, ledger, wired_clients) -> Services:
    """Services whose buckets, queues, topic and SageMaker are the account's."""
    clients = {name: copy_client(client) for name, client in wired_clients.items()}
    return make_services(ledger, sagemaker=Client(cloud, "sagemaker"), **clients)
