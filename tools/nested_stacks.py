"""A template with the resources of its nested stacks in place of those stacks, for reviewers that read one template.

CloudFormation deploys them apart; permissions, conditions and costs are those of all of them together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from samcli.yamlhelper import yaml_parse

if TYPE_CHECKING:
    from pathlib import Path

STACK = "AWS::CloudFormation::Stack"
VARIABLE = re.compile(r"\$\{([A-Za-z0-9]+)\}")
Tree = dict[str, Any]
Node = Tree | list[Any] | str | float | None


def merge_stacks(template: Tree, folder: Path) -> Tree:
    """Return the template without nested stacks: their resources, conditions and outputs are its own.

    Args:
        template: A template whose TemplateURLs are paths below `folder`.
        folder: Where the template lies.

    Raises:
        ValueError: Two of the templates have a resource or a condition of the same name.
    """
    stacks = {name: body for name, body in template["Resources"].items() if body["Type"] == STACK}
    kept = {name: body for name, body in template["Resources"].items() if name not in stacks}
    merged = template | {"Resources": kept, "Conditions": dict(template.get("Conditions", {}))}
    outputs: Tree = {}
    for name, stack in stacks.items():
        child = yaml_parse((folder / stack["Properties"]["TemplateURL"]).read_text())
        child = _pass_parameters(child, stack["Properties"].get("Parameters", {}))
        conditions, resources = _under_condition(child, stack.get("Condition"))
        _add(merged["Conditions"], conditions)
        _add(merged["Resources"], resources)
        outputs |= {(name, f"Outputs.{key}"): body["Value"] for key, body in child.get("Outputs", {}).items()}
    return _replace_outputs(merged, outputs) if stacks else template


def _add(target: Tree, more: Tree) -> None:
    if both := target.keys() & more.keys():
        raise ValueError(f"two templates have {sorted(both)}: rename one")
    target |= more


def _pass_parameters(child: Tree, values: Tree) -> Tree:
    """Return a child's template in which the expressions of the parent stand for its parameters."""
    defaults = {name: body["Default"] for name, body in child.get("Parameters", {}).items() if "Default" in body}
    known = {name: (defaults | values)[name] for name in child.get("Parameters", {})}
    return {key: _substitute(part, known) for key, part in child.items() if key != "Parameters"}


def _substitute(node: Node, values: Tree) -> Node:
    if isinstance(node, list):
        return [_substitute(part, values) for part in node]
    if not isinstance(node, dict):
        return node
    if list(node) == ["Ref"] and node["Ref"] in values:
        return values[node["Ref"]]
    parts = {key: _substitute(part, values) for key, part in node.items()}
    return {"Fn::Sub": _give_variables(parts["Fn::Sub"], values)} if list(node) == ["Fn::Sub"] else parts


def _give_variables(argument: str | list[Any], values: Tree) -> str | list[Any]:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    used = {name: values[name] for name in VARIABLE.findall(text) if name in values and name not in own}
    return [text, own | used] if own or used else text


def _under_condition(child: Tree, condition: str | None) -> tuple[Tree, Tree]:
    """Return conditions and resources of a child, which exist only if the condition of its stack is true."""
    conditions, resources = dict(child.get("Conditions", {})), {}
    if condition is None:
        return conditions, child["Resources"]
    for name, body in child["Resources"].items():
        both = condition
        if own := body.get("Condition"):
            both = f"{condition}And{own}"
            conditions[both] = {"Fn::And": [{"Condition": condition}, {"Condition": own}]}
        resources[name] = body | {"Condition": both}
    return conditions, resources


def _replace_outputs(node: Node, outputs: dict[tuple[str, str], Any]) -> Node:
    if isinstance(node, list):
        return [_replace_outputs(part, outputs) for part in node]
    if not isinstance(node, dict):
        return node
    if list(node) == ["Fn::GetAtt"]:
        path = node["Fn::GetAtt"]
        name, _, attribute = path.partition(".") if isinstance(path, str) else (path[0], ".", path[1])
        return outputs.get((name, attribute), node)
    return {key: _replace_outputs(part, outputs) for key, part in node.items()}
