"""The transformed template with its intrinsic functions replaced by what they could be in an account.

Reviewers of IAM policies need ARNs. These have the form of their service, which the names of the fake AWS have not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.support.aws import template as sources

ACCOUNT, REGION = sources.ACCOUNT, sources.REGION

KEYS = "AWS::KMS::Key"
PSEUDO = sources.PSEUDO | {"AWS::NoValue": None}
HERE = f"{REGION}:{ACCOUNT}"
# Sources: "Actions, resources, and condition keys" of each service in the Service Authorization Reference.
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{bucket}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{HERE}:{{name}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{HERE}:{{name}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{HERE}:table/{{name}}",
    "AWS::KMS::Key": f"arn:aws:kms:{HERE}:key/{{uuid}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Events::Rule": f"arn:aws:events:{HERE}:rule/{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{HERE}:log-group:{{name}}:*",
    "AWS::Lambda::Function": f"arn:aws:lambda:{HERE}:function:{{name}}",
}
REFERENCES_ARE_ARNS = {"AWS::SNS::Topic"}


@dataclass
class Resolved:
    """A template with values for parameters; those that are missing have their defaults."""

    template: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    def resource(self, name: str) -> dict[str, Any]:
        return self.value(self.template["Resources"][name])

    @cached_property
    def names(self) -> list[str]:
        """The resources whose conditions are true."""
        resources = self.template["Resources"].items()
        return [name for name, body in resources if self.holds(body.get("Condition"))]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        kinds = {name: self.template["Resources"][name]["Type"] for name in self.names}
        return {name: self.resource(name)["Properties"] for name in self.names if kinds[name] == kind}

    def holds(self, condition: str | None) -> bool:
        return condition is None or self.value(self.template["Conditions"][condition])

    def value(self, node: Any) -> Any:
        """Return a node of the template without intrinsic functions, and without what has no value."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (function := self.functions.get(next(iter(node)))):
            return function(next(iter(node.values())))
        values = {key: self.value(child) for key, child in node.items()}
        return {key: value for key, value in values.items() if value is not None}

    @cached_property
    def functions(self) -> dict[str, Any]:
        return {
            "Ref": self.reference,
            "Condition": self.holds,
            "Fn::GetAtt": self.attribute,
            "Fn::Sub": self.substitute,
            "Fn::If": lambda parts: self.value(parts[1] if self.holds(parts[0]) else parts[2]),
            "Fn::Equals": lambda parts: self.value(parts[0]) == self.value(parts[1]),
            "Fn::Not": lambda parts: not self.value(parts[0]),
            "Fn::And": lambda parts: all(map(self.value, parts)),
            "Fn::Or": lambda parts: any(map(self.value, parts)),
            "Fn::Join": lambda parts: parts[0].join(self.value(parts[1])),
            "Fn::Split": lambda parts: self.value(parts[1]).split(parts[0]),
            "Fn::Select": lambda parts: self.value(parts[1])[int(parts[0])],
            "Fn::FindInMap": self.find_in_map,
        }

    def reference(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.template["Parameters"]:
            return self.parameter(name)
        kind = self.template["Resources"][name]["Type"]
        return self.arn(name) if kind in REFERENCES_ARE_ARNS else self.physical_id(name)

    def parameter(self, name: str) -> Any:
        declared = self.template["Parameters"][name]
        value = self.parameters.get(name, declared["Default"])
        is_list = declared["Type"] == "CommaDelimitedList"
        return str(value).split(",") if is_list else str(value)

    def physical_id(self, name: str) -> str:
        kind = self.template["Resources"][name]["Type"]
        return self.arn(name).rsplit(":", 1)[1] if kind == "AWS::S3::Bucket" else f"seqdrop-{name}"

    def attribute(self, path: str | list[str]) -> str:
        name, attribute = path.split(".") if isinstance(path, str) else path
        return self.arn(name) if attribute == "Arn" else self.physical_id(name)

    def arn(self, name: str) -> str:
        kind = self.template["Resources"][name]["Type"]
        bucket = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        number = sorted(self.template["Resources"]).index(name)
        uuid = f"00000000-0000-0000-0000-{number:012}"
        service = kind.split("::")[1].lower()
        form = ARNS.get(kind, f"arn:aws:{service}:{HERE}:{{name}}")
        return form.format(name=f"seqdrop-{name}", bucket=f"seqdrop-{bucket}", uuid=uuid)

    def substitute(self, argument: str | list[Any]) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):  # an escaped ${name}, which stays
                return f"${{{name[1:]}}}"
            if name in values:
                return str(self.value(values[name]))
            return str(self.attribute(name) if "." in name else self.reference(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def find_in_map(self, parts: list[Any]) -> Any:
        name, first, second = self.value(parts)
        return self.template["Mappings"][name][first][second]


def as_text(node: Any) -> Any:
    """Return a policy with text for numbers: IAM takes both in conditions, and the reviewers text only."""
    if isinstance(node, dict):
        return {key: as_text(value) for key, value in node.items()}
    if isinstance(node, list):
        return [as_text(value) for value in node]
    return str(node) if type(node) is int else node
