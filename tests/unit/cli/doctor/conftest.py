"""A stack whose services respond as a test says; botocore checks each response against the service's model."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber


@dataclass
class ScriptedStack:
    """Has the attributes of doctor's Stack. `say` adds the next response of a service, `refuse` its next error."""

    target: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(endpoint=None, landing="landing"))
    resources: dict = field(default_factory=dict)
    functions: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    stubs: dict = field(default_factory=dict)

    def stub(self, name: str) -> Stubber:
        if name not in self.stubs:
            secrets = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"}
            self.stubs[name] = Stubber(boto3.client(name, region_name="eu-west-1", **secrets))
            self.stubs[name].activate()
        return self.stubs[name]

    def say(self, name: str, operation: str, response: dict, expected: dict | None = None) -> None:
        self.stub(name).add_response(operation, response, expected)

    def refuse(self, name: str, operation: str, code: str, status: int = 400) -> None:
        self.stub(name).add_client_error(operation, code, "no", status)

    def client(self, name: str, _region: str | None = None):
        return self.stub(name).client

    def of_type(self, kind: str) -> dict[str, str]:
        return {name: physical for name, (type_, physical) in self.resources.items() if type_ == kind}


@pytest.fixture
def stack() -> ScriptedStack:
    return ScriptedStack()
