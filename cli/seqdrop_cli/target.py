"""Which stack the command talks to: a deployed one, or the embedded one that `make demo KEEP=1` left up."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.config.settings import Settings
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import Services, now

STACK_FILE = Path(".seqdrop/stack.json")


class StackNotFoundError(Exception):
    """There is nothing to talk to; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """Names of a stack's parts, and its own. `endpoint` and `access_key` are set for the embedded AWS only."""

    region: str
    landing: str
    work: str
    results: str
    archive: str
    table: str
    endpoint: str | None = None
    access_key: str | None = None
    stack: str = "seqdrop"

    def session(self) -> boto3.Session:
        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.access_key}
        return boto3.Session(region_name=self.region, **(keys if self.access_key else {}))

    def client(self, name: str):
        return self.session().client(name, endpoint_url=self.endpoint)

    def ledger(self) -> Ledger:
        resource = self.session().resource("dynamodb", endpoint_url=self.endpoint)
        return Ledger(resource.Table(self.table), now)

    def environment(self) -> dict[str, str]:
        """The environment of the stack's functions: the SEQDROP_ variables that template.yaml sets for all."""
        where = {"StackName": self.stack, "LogicalResourceId": "ValidateFunction"}
        found = self.client("cloudformation").describe_stack_resource(**where)["StackResourceDetail"]
        function = self.client("lambda").get_function_configuration(FunctionName=found["PhysicalResourceId"])
        return function["Environment"]["Variables"]

    def services(self) -> Services:
        """What a stage is called with, by the user's own credentials. The analyses are those of this checkout."""
        clients = {name: self.client(name) for name in ("s3", "sagemaker", "sqs", "sns")}
        return Services(Settings.load(self.environment()), packaged(), self.ledger(), **clients)

    def queues(self) -> dict[str, str]:
        """The stack's queues: name in template.yaml → URL."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        found = (one for page in pages for one in page["StackResourceSummaries"])
        queues = (one for one in found if one["ResourceType"] == "AWS::SQS::Queue")
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in queues}

    def save(self, path: Path = STACK_FILE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path = STACK_FILE) -> Target:
        return cls(**json.loads(path.read_text()))


def find(stack: str | None) -> Target:
    """The named CloudFormation stack of your AWS account; without a name, the embedded one.

    Raises StackNotFoundError.
    """
    if stack is None:
        if not STACK_FILE.exists():
            raise StackNotFoundError(
                "no embedded stack is up: run `make demo KEEP=1`, or name a deployed one with --stack NAME"
            )
        return Target.load()
    session = boto3.Session()
    try:
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except (ClientError, BotoCoreError) as error:
        raise StackNotFoundError(f"cannot read the stack {stack!r}: {error}") from error
    outputs = {item["OutputKey"].lower(): item["OutputValue"] for item in found.get("Outputs", [])}
    names = ("landing", "work", "results", "archive", "table")
    if missing := [name for name in names if name not in outputs]:
        raise StackNotFoundError(f"the stack {stack!r} is not Seqdrop's: it has no output {', '.join(missing)}")
    return Target(region=session.region_name, stack=stack, **{name: outputs[name] for name in names})
