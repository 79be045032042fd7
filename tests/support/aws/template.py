"""Names, environment, queues, functions and rules from template.yaml, from which the fake AWS is built."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
REGION, ACCOUNT = "us-east-1", "123456789012"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "seqdrop",
}


class Tagged(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """A YAML loader that reads intrinsic functions as {tag: value}."""


def _tagged(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_mapping(node, deep=True)}


Tagged.add_multi_constructor("!", _tagged)


@dataclass(frozen=True)
class Function:
    """A Lambda function that receives messages of a queue."""

    folder: str
    queue: str
    batch: int
    window: int  # seconds that the first message of a batch waits for others
    timeout: int


@dataclass(frozen=True)
class QueueSettings:
    name: str
    visibility: int
    most_receives: int | None  # None: it has no dead-letter queue
    dead_letters: str | None


@cache
def tree() -> dict:
    return yaml.load((REPOSITORY / "template.yaml").read_text(), Tagged)


def resources_of_type(kind: str) -> dict[str, dict]:
    return {name: body["Properties"] for name, body in tree()["Resources"].items() if body["Type"] == kind}


def evaluate(node):
    """Return the value of an expression of the template."""
    if isinstance(node, list):
        return [evaluate(child) for child in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and (function := FUNCTIONS.get(next(iter(node)))):
        return function(next(iter(node.values())))
    return {key: evaluate(child) for key, child in node.items()}


def _ref(name: str):
    if name in PSEUDO:
        return PSEUDO[name]
    if name in tree()["Parameters"]:
        parameter = tree()["Parameters"][name]
        is_list = parameter["Type"] == "CommaDelimitedList"
        return parameter["Default"].split(",") if is_list else parameter["Default"]
    if name not in tree()["Resources"]:
        return name  # a rule that SAM makes of a function's event
    kind = tree()["Resources"][name]["Type"]
    if kind == "AWS::SQS::Queue":
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    if kind == "AWS::SNS::Topic":
        return _arn(name)
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() if kind == "AWS::S3::Bucket" else name


def _arn(name: str) -> str:
    service = tree()["Resources"][name]["Type"].split("::")[1].lower()
    kind = "role/" if service == "iam" else ""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{name}"


def _get(path: str) -> str:
    name, attribute = path.split(".", 1)  # an output of a nested stack has its name for a value
    return _arn(name) if attribute == "Arn" else _ref(name) if attribute == "BucketName" else name


def _if(parts: list):
    condition, yes, no = parts
    return evaluate(yes if _holds(tree()["Conditions"][condition]) else no)


def _holds(condition: dict) -> bool:
    ((tag, parts),) = condition.items()
    if tag == "Not":
        return not _holds(parts[0])
    if tag == "And":
        return all(map(_holds, parts))
    if tag == "Or":
        return any(map(_holds, parts))
    if tag == "Condition":
        return _holds(tree()["Conditions"][parts])
    first, second = map(evaluate, parts)
    return first == second


def _sub(argument: str | list) -> str:
    text, values = (argument, {}) if isinstance(argument, str) else (argument[0], evaluate(argument[1]))

    def substitute(match: re.Match) -> str:
        if match[1] in values:
            return str(values[match[1]])
        if match[1].startswith("!"):
            return "${" + match[1][1:] + "}"  # written so that it stays
        name, _, attribute = match[1].partition(".")
        return str(_get(match[1]) if attribute else _ref(name))

    return re.sub(r"\$\{([^}]+)\}", substitute, text)


def _join(parts: list) -> str:
    separator, values = evaluate(parts)
    return separator.join(values)


def _find_in_map(parts: list):
    name, first, second = evaluate(parts)
    return tree()["Mappings"][name][str(first)][second]


FUNCTIONS = {"Ref": _ref, "GetAtt": _get, "If": _if, "Sub": _sub, "Join": _join, "FindInMap": _find_in_map}


@cache
def environment() -> dict[str, str]:
    """Return the environment variables of all functions."""
    variables = dict(tree()["Globals"]["Function"]["Environment"]["Variables"])
    for function in resources_of_type("AWS::Serverless::Function").values():
        variables |= function.get("Environment", {}).get("Variables", {})
    return {name: str(evaluate(node)) for name, node in variables.items()}


@cache
def environment_of(folder: str) -> dict[str, str]:
    """Return the environment variables of the function in functions/<folder>/."""
    for function in resources_of_type("AWS::Serverless::Function").values():
        if function["CodeUri"].rstrip("/").endswith(f"/{folder}"):
            own = function.get("Environment", {}).get("Variables", {})
            common = tree()["Globals"]["Function"]["Environment"]["Variables"]
            return {name: str(evaluate(node)) for name, node in (common | own).items()}
    raise KeyError(folder)


@cache
def queues() -> dict[str, QueueSettings]:
    """Return every queue by its name, including dead-letter queues."""
    settings = {}
    for name, queue in resources_of_type("AWS::SQS::Queue").items():
        redrive = queue.get("RedrivePolicy", {})
        dead = evaluate(redrive["deadLetterTargetArn"]).rsplit(":", 1)[1] if redrive else None
        most = redrive.get("maxReceiveCount")
        settings[name] = QueueSettings(name, evaluate(queue.get("VisibilityTimeout", 30)), most, dead)
    return settings


@cache
def functions() -> list[Function]:
    """Return the functions that receive messages, in the order of the template."""
    result = []
    for function in resources_of_type("AWS::Serverless::Function").values():
        for event in function.get("Events", {}).values():
            if event["Type"] != "SQS":
                continue
            properties = event["Properties"]
            queue = evaluate(properties["Queue"]).rsplit(":", 1)[1]
            window = evaluate(properties.get("MaximumBatchingWindowInSeconds", 0))
            folder = function["CodeUri"].rstrip("/").rsplit("/", 1)[1]
            result.append(Function(folder, queue, properties["BatchSize"], window, function["Timeout"]))
    return result


@cache
def buckets() -> dict[str, bool]:
    """Return the name of each bucket, and True if it keeps versions."""
    resources = resources_of_type("AWS::S3::Bucket")
    return {_ref(name): "VersioningConfiguration" in bucket for name, bucket in resources.items()}


@cache
def indexes() -> dict[str, tuple[str, str]]:
    """Return the partition and sort key of each index of the table, by the index's name."""
    (table,) = resources_of_type("AWS::DynamoDB::Table").values()
    result = {}
    for index in table["GlobalSecondaryIndexes"]:
        first, second = (evaluate(key)["AttributeName"] for key in index["KeySchema"])
        result[index["IndexName"]] = (first, second)
    return result


@cache
def rules() -> list[tuple[dict, list[str]]]:
    """Return (event pattern, names of the queues) of each rule of EventBridge's own bus, to which AWS sends events."""
    resources = resources_of_type("AWS::Events::Rule").values()
    return [
        (evaluate(rule["EventPattern"]), [evaluate(target["Arn"]).rsplit(":", 1)[1] for target in rule["Targets"]])
        for rule in resources
        if "EventPattern" in rule and "EventBusName" not in rule
    ]
