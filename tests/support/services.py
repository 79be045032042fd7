"""Services of an account in memory, with settings whose values are their names unless a test needs others."""

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

NUMBERS = {
    "instance_count": 1,
    "stale_minutes": 30,
    "max_jobs": 10,
    "ledger_days": 0,
    "forget_days": 7,
    "job_hours": 24,
    "training_hours": 24,
    "restore_batch_above": 1000,
    "workflow_seconds": 10,
}
CEILINGS = {"transform_budget": 50.0, "training_budget": 50.0, "instance_price": 0.0, "training_instances": "*"}
JOBS = {
    "job_subnets": "",
    "signing_key": "",
    "job_security_groups": "",
    "training_isolation": "true",
    "training_promotes": "false",
    "features": "",
    "event_bus": "",
    "event_names": "false",
    "webhook_format": "",
    "webhook_secret": "",
}


def settings() -> Settings:
    """Return settings in which buckets, queues and roles have the names of their settings."""
    named = Settings(**{name: name for name in Settings.__dataclass_fields__})
    return replace(named, **NUMBERS, **CEILINGS, **JOBS, instance_type="ml.m5.xlarge")


def make_services(ledger: Ledger, **clients) -> Services:
    """Return services with the packaged analyses and these clients (s3, sagemaker, sqs, sns)."""
    return Services(settings(), plans.packaged(), ledger, **clients)


def make_ticking_clock() -> Callable[[], str]:
    """Return a clock for a ledger. It advances by a second on each read, which is once per write."""
    start, seconds = datetime(2026, 1, 1, tzinfo=UTC), itertools.count()
    return lambda: iso(start + timedelta(seconds=next(seconds)))


def direct_ledger(account: Account) -> Ledger:
    """Return a ledger that calls the account without botocore."""
    return Ledger(Table(account), make_ticking_clock())


def direct_services(account: Account) -> Services:
    """Return services that call the account without botocore, for tests that try thousands of orders."""
    clients = {name: Client(account, name) for name in ("s3", "sagemaker", "sqs", "sns", "cloudwatch")}
    clients |= {name: Client(account, name) for name in ("omics", "events")}
    clients["autoscaling"] = Client(account, "application-autoscaling")
    clients["sagemaker_runtime"] = Client(account, "sagemaker-runtime")
    return make_services(direct_ledger(account), **clients)
