"""Services of an account in memory, with settings that are their own names where a test does not care."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop.config.settings import Settings
from seqdrop.kinds import plans
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import Services, iso

from tests.support.aws.direct import Client, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.account import Account

NUMBERS = {"instance_count": 1, "stale_minutes": 30, "max_jobs": 10, "ledger_days": 0}
TRAINING = {"training_subnets": "", "training_security_groups": "", "training_isolation": "false"}


def settings() -> Settings:
    """Buckets, queues and roles are called as their settings are."""
    named = Settings(**{name: name for name in Settings.__dataclass_fields__})
    return replace(named, **NUMBERS, **TRAINING, instance_type="ml.m5.xlarge")


def make_services(ledger: Ledger, **clients) -> Services:
    """Services with the packaged analyses and these clients (s3, sagemaker, sqs, sns)."""
    return Services(settings(), plans.packaged(), ledger, **clients)


def make_ticking_clock() -> Callable[[], str]:
    """Return a ledger's clock: it ticks whenever it is read, which is once a write."""
    start, seconds = datetime(2026, 1, 1, tzinfo=UTC), itertools.count()
    return lambda: iso(start + timedelta(seconds=next(seconds)))


def direct_ledger(account: Account) -> Ledger:
    """A ledger that reaches the account without botocore."""
    return Ledger(Table(account), make_ticking_clock())


def direct_services(account: Account) -> Services:
    """The same without botocore: for tests that try thousands of orders."""
    clients = {name: Client(account, name) for name in ("s3", "sagemaker", "sqs", "sns")}
    return make_services(direct_ledger(account), **clients)
