"""The switches of template.yaml: parameters that are "true" or "false", and what exists with which of them."""

from __future__ import annotations

import re
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samcli.yamlhelper import yaml_parse

from tests.support.reviewers.resolved import Resolved
from tools.nested_stacks import merge_stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
BOOLEAN = ["true", "false"]
VARIABLE = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}")  # in Fn::Sub: a name, perhaps with an attribute
# What a part needs besides its switch, with values that the embedded AWS accepts.
NEEDS: dict[str, dict[str, str]] = {}


class Deployed(Resolved):
    """The template with values for parameters, whose conditions compare texts, as CloudFormation does: "0" is 0."""

    @cached_property
    def functions(self) -> dict[str, Any]:
        return super().functions | {"Fn::Equals": lambda parts: str(self.value(parts[0])) == str(self.value(parts[1]))}


@cache
def template() -> dict[str, Any]:
    """Return the template with its nested stacks, before SAM's transform."""
    return merge_stacks(yaml_parse((REPOSITORY / "template.yaml").read_text()), REPOSITORY)


@cache
def plain_resources() -> frozenset[str]:
    return frozenset(Deployed(template()).names)


@cache
def switches() -> tuple[str, ...]:
    """Return the parameters that are off by default and make resources exist: by themselves, or beside others."""
    boolean = [
        name
        for name, body in template()["Parameters"].items()
        if sorted(body.get("AllowedValues", [])) == sorted(BOOLEAN) and body["Default"] == "false"
    ]
    everything = dict.fromkeys(boolean, "true") | {key: value for part in NEEDS.values() for key, value in part.items()}
    complete = frozenset(Deployed(template(), everything).names)
    return tuple(
        name for name in boolean if complete != frozenset(Deployed(template(), everything | {name: "false"}).names)
    )


def references(node: Any, conditions: dict[str, bool]) -> Iterator[str]:
    """Yield the names that a node refers to, if these conditions hold."""
    if isinstance(node, list):
        for part in node:
            yield from references(part, conditions)
    elif isinstance(node, dict):
        if list(node) == ["Fn::If"]:
            name, yes, no = node["Fn::If"]
            yield from references(yes if conditions[name] else no, conditions)
        elif list(node) == ["Ref"]:
            yield node["Ref"]
        elif list(node) == ["Fn::GetAtt"]:
            path = node["Fn::GetAtt"]
            yield path.split(".")[0] if isinstance(path, str) else path[0]
        elif list(node) == ["Fn::Sub"]:
            argument = node["Fn::Sub"]
            text, own = (argument, {}) if isinstance(argument, str) else argument
            yield from (name for name in VARIABLE.findall(text) if name not in own)
            yield from references(own, conditions)
        else:
            for key, part in node.items():
                yield from [part] if key == "DependsOn" and isinstance(part, str) else references(part, conditions)
                if key == "DependsOn" and isinstance(part, list):
                    yield from part


def conditions_in(node: Any) -> set[str]:
    """Return the conditions on which a node depends."""
    if isinstance(node, list):
        return set().union(*map(conditions_in, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = {node["Fn::If"][0]} if list(node) == ["Fn::If"] else set()
    own |= {node["Condition"]} if isinstance(node.get("Condition"), str) else set()
    return own.union(*map(conditions_in, node.values())) if node else own


def parameters_in(node: Any) -> set[str]:
    """Return the parameters on which a condition depends, also through other conditions."""
    tree = template()
    if isinstance(node, list):
        return set().union(*map(parameters_in, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    if list(node) == ["Condition"]:
        return parameters_in(tree["Conditions"][node["Condition"]])
    if list(node) == ["Ref"]:
        return {node["Ref"]} & tree["Parameters"].keys()
    return set().union(*map(parameters_in, node.values()))


def dangling(name: str, section: str = "Resources") -> Iterator[tuple[dict[str, str], str]]:
    """Yield (values of switches, name) for each reference of a resource to one that does not exist with these values.

    With the section "Outputs", the name is that of an output. Only the switches on which it and what it refers to
    depend are varied: the others make no difference.
    """
    tree = template()
    body, resources = tree[section][name], tree["Resources"]
    every = set(references(body, dict.fromkeys(tree["Conditions"], True)))
    every |= set(references(body, dict.fromkeys(tree["Conditions"], False)))
    named = [resources[it] for it in every if it in resources]
    used = conditions_in(body) | {it["Condition"] for it in named if "Condition" in it}
    varied = sorted(set().union(*(parameters_in(tree["Conditions"][it]) for it in used)) & set(switches()))
    for values in product(BOOLEAN, repeat=len(varied)):
        chosen = dict(zip(varied, values, strict=True))
        resolved = Deployed(tree, chosen)
        if not resolved.holds(body.get("Condition")):
            continue
        holds = {it: resolved.holds(it) for it in tree["Conditions"]}
        for reference in references(body, holds):
            if reference in resources and not resolved.holds(resources[reference].get("Condition")):
                yield chosen, reference
