"""Requests to AWS as IAM sees them, derived from the statements of the template's roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tests.support.reviewers.resolved import ACCOUNT, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.reviewers.resolved import Resolved

Context = dict[str, "str | list[str]"]


@dataclass(frozen=True)
class Request:
    """An action of a principal on a resource, with what conditions may ask for."""

    principal: str
    action: str
    resource: str
    context: Context = field(default_factory=dict)
    policies: tuple[dict[str, Any], ...] = ()
    resource_policy: dict[str, Any] | None = None


@dataclass
class Roles:
    """The roles of a resolved template, by logical name, with all of their policies."""

    resolved: Resolved

    @cached_property
    def policies(self) -> dict[str, tuple[dict[str, Any], ...]]:
        own = {
            name: [policy["PolicyDocument"] for policy in role.get("Policies", [])]
            for name, role in self.resolved.of_type("AWS::IAM::Role").items()
        }
        attached = {**self.resolved.of_type("AWS::IAM::Policy"), **self.resolved.of_type("AWS::IAM::ManagedPolicy")}
        for policy in attached.values():
            for role in policy.get("Roles", []):
                own[role.removeprefix("seqdrop-")].append(policy["PolicyDocument"])
        return {name: tuple(as_text(documents)) for name, documents in own.items()}

    def statements(self, role: str) -> list[dict[str, Any]]:
        return [statement for policy in self.policies[role] for statement in policy["Statement"]]

    def actions(self, role: str) -> set[str]:
        allowed = [statement for statement in self.statements(role) if statement["Effect"] == "Allow"]
        return {action for statement in allowed for action in as_list(statement["Action"])}

    @cached_property
    def key_policies(self) -> dict[str, dict[str, Any]]:
        keys = self.resolved.of_type("AWS::KMS::Key")
        return {self.resolved.arn(name): key["KeyPolicy"] for name, key in keys.items()}

    def request(self, role: str, action: str, resource: str, context: Context | None = None) -> Request:
        """Return a request of a role; one on a key comes with the policy of the key, without which KMS refuses it."""
        principal = f"arn:aws:iam::{ACCOUNT}:role/seqdrop-{role}"
        return Request(principal, action, resource, context or {}, self.policies[role], self.key_policies.get(resource))

    def targets(self) -> Iterator[tuple[str, str, Context]]:
        """Yield what any role may do: an action, a resource, and a context. Each comes with contexts that differ."""
        targets = []
        for role in self.policies:
            for statement in self.statements(role):
                for target in _targets(statement):
                    if target not in targets:
                        targets.append(target)
        yield from targets


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _targets(statement: dict[str, Any]) -> Iterator[tuple[str, str, Context]]:
    conditions = statement.get("Condition", {})
    agreed = {key: _value(key, value) for operator, key, value in _tests(conditions) if operator != "Null"}
    contexts = [agreed, *({**agreed, key: _other(value)} for key, value in agreed.items())]
    contexts += [{other: agreed[other] for other in agreed if other != key} for key in agreed]
    for action in as_list(statement["Action"]):
        for resource in as_list(statement["Resource"]):
            for context in contexts:
                yield action, _concrete(action, resource), context


def _tests(conditions: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for operator, tests in conditions.items():
        for key, value in tests.items():
            yield operator, key, value


def _value(key: str, expected: Any) -> str | list[str]:
    """Return a value of a request that the condition accepts; the types of instances are a list."""
    value = str(as_list(expected)[0]).replace("*", "x")
    return [value] if key == "sagemaker:InstanceTypes" else value


def _other(value: str | list[str]) -> str | list[str]:
    if isinstance(value, list):
        return [*value, "ml.other.xlarge"]
    if value in ("true", "false"):
        return "false" if value == "true" else "true"
    return str(int(value) + 1) if value.isdigit() else f"{value}-other"


def _concrete(action: str, resource: str) -> str:
    """Return one resource that a pattern matches, of the type that the action works on."""
    if resource == "*":
        return resource
    stream = "log-stream:x" if action == "logs:PutLogEvents" else "*"
    return (
        resource[:-1] + stream if resource.startswith("arn:aws:logs:") and resource.endswith(":*") else resource
    ).replace("*", "x")
