"""A deployed stack, as its checks see it: its resources, and the settings of its functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqdrop_cli.target import Target

FUNCTION, QUEUE, RULE, ALARM = "AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::Events::Rule", "AWS::CloudWatch::Alarm"


@dataclass(frozen=True)
class Stack:
    """A stack whose resources are read once."""

    target: Target

    def client(self, name: str, region: str | None = None) -> Any:  # noqa: ANN401 # a client of any service
        """Return a client of an AWS service, in the region of the stack or in another one."""
        service: Any = name
        return self.target.session.client(
            service,
            endpoint_url=self.target.endpoint,
            region_name=region or self.target.region,
            config=self.target.client_config,
        )

    @cached_property
    def resources(self) -> dict[str, tuple[str, str]]:
        """The type and the physical id of each resource, by its name in template.yaml."""
        pages = (
            self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.target.stack)
        )
        summaries = [summary for page in pages for summary in page["StackResourceSummaries"]]
        return {
            summary["LogicalResourceId"]: (summary["ResourceType"], summary.get("PhysicalResourceId", ""))
            for summary in summaries
        }

    def of_type(self, kind: str) -> dict[str, str]:
        """Return the physical ids of the resources of a type, by their names in template.yaml."""
        return {name: physical for name, (type_, physical) in self.resources.items() if type_ == kind}

    @cached_property
    def functions(self) -> dict[str, Any]:
        """The configuration of each function, by its name in template.yaml."""
        names, client = self.of_type(FUNCTION), self.client("lambda")
        return {name: client.get_function_configuration(FunctionName=physical) for name, physical in names.items()}

    @cached_property
    def settings(self) -> dict[str, str]:
        """The environment variables of all functions together, without their prefix SEQDROP_."""
        variables = {
            name: text
            for function in self.functions.values()
            for name, text in function.get("Environment", {}).get("Variables", {}).items()
        }
        return {name.removeprefix("SEQDROP_").lower(): text for name, text in variables.items()}
