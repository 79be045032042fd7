"""A stack with endpoints of two analyses, in memory."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from seqdrop.kinds import plans
from seqdrop.models.archives import push_archive
from seqdrop.stages.serve.messages import handle_message

from local.testing import make_model_archive
from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.services import direct_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.runtime.services import Services

    from tests.support.aws.endpoints import Endpoint

ANALYSIS = """
[analyses.{name}]
prefix = "{name}/"
formats = ["fasta"]
max_gb = 1
model = "{model}"
k = 6
window = 300
stride = 150
strands = "+-"
threshold = 0.9
max_n_fraction = 0.1
label = "promoter"
tracks = true
"""
REAL_TIME = "\n[analyses.{name}.endpoint]\nmax_instances = 4\nidle_hours = 6\n"
TEXT = ANALYSIS.format(name="contigs", model="promoter-300") + REAL_TIME.format(name="contigs")
SCHEDULED = {"source": "aws.events"}
NAME = "seqdrop-contigs"


class Lab:
    """The stack, and its account. `deploy` replaces its analyses.toml."""

    def __init__(self, monkeypatch):
        self.clock = Clock()
        self.account = Account(clock=self.clock)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: self.clock.now)
        services = direct_services(self.account)
        self.services: Services = replace(services, settings=replace(services.settings, stack="seqdrop"))
        self.deploy(TEXT)
        self.sagemaker = self.account.sagemaker

    def deploy(self, text: str) -> None:
        self.services = replace(self.services, analyses=plans.parse(text))

    def push(self, content: str = "first", model: str = "promoter-300") -> None:
        config = {"id2label": {"0": "other", "1": "promoter"}, "about": content}
        body = make_model_archive({"config.json": json.dumps(config)})
        push_archive(self.services.s3, "models", model, body, "now")

    def run(self, message: dict = SCHEDULED) -> None:
        self.clock.advance(1)
        handle_message(self.services, message)

    def end_change(self, name: str = NAME, *outcome: str) -> None:
        """End the change in progress; SageMaker's event then has all endpoints looked at."""
        self.clock.advance(600)
        self.sagemaker.end_change(name, *outcome)
        self.run({"source": "aws.sagemaker"})

    def start(self) -> Endpoint:
        """Return the endpoint of contigs, in service with its first model."""
        self.push()
        self.run()
        self.end_change()
        return self.endpoint

    @property
    def endpoint(self) -> Endpoint:
        return self.sagemaker.endpoints[NAME]

    @property
    def residue(self) -> list:
        """Everything that costs something or is left over."""
        scaling, alarms = self.account.autoscaling.targets, self.account.cloudwatch.alarms
        return [*self.sagemaker.endpoints, *self.sagemaker.configurations, *scaling, *alarms]

    @property
    def mails(self) -> list[str]:
        return [mail["Subject"] for queue, mail in self.account.sent if queue == "topic"]

    @property
    def queued(self) -> list[dict]:
        return [body for queue, body in self.account.sent if queue == "serve_queue"]


def intervene(lab, monkeypatch, number: int, act: Callable[[], None]) -> list[str]:
    """Have `act` called before the call of this number, from 0; return the list to which each call's name is added."""
    names: list[str] = []

    def wrap(name: str, original: Callable) -> Callable:
        def call(request: dict, headers: dict) -> dict:
            names.append(name)
            if len(names) == number + 1:
                act()
            return original(request, headers)

        return call

    for service in {id(service): service for service in lab.account._services.values()}.values():
        for name, method in inspect.getmembers(service, inspect.ismethod):
            if list(inspect.signature(method).parameters) == ["request", "headers"]:
                monkeypatch.setattr(service, name, wrap(name, method))
    return names


@pytest.fixture
def lab(monkeypatch) -> Lab:
    return Lab(monkeypatch)
