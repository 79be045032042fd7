"""template.yaml as the world is built from it: names, environment, queues, functions and rules, never written again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
REGION, ACCOUNT = "us-east-1", "123456789012"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


class Tagged(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Intrinsic functions become {tag: value}."""


def _tagged(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_mapping(node, deep=True)}


Tagged.add_multi_constructor("!", _tagged)


@dataclass(frozen=True)
class Function:
    """A Lambda function that is fed by a queue."""

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
    """What an expression of the template comes to."""
    if isinstance(node, list):
        return [evaluate(one) for one in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and (function := FUNCTIONS.get(next(iter(node)))):
        return function(next(iter(node.values())))
    return {key: evaluate(one) for key, one in node.items()}


def _ref(name: str):
    if name in PSEUDO:
        return PSEUDO[name]
    if name in tree()["Parameters"]:
        return tree()["Parameters"][name]["Default"]
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
    name, attribute = path.split(".")
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
    if tag == "Condition":
        return _holds(tree()["Conditions"][parts])
    first, second = map(evaluate, parts)
    return first == second


def _sub(text: str) -> str:
    def told(found: re.Match) -> str:
        name, _, attribute = found[1].partition(".")
        return str(_get(found[1]) if attribute else _ref(name))

    return re.sub(r"\$\{([^}]+)\}", told, text)


FUNCTIONS = {"Ref": _ref, "GetAtt": _get, "If": _if, "Sub": _sub}


@cache
def environment() -> dict[str, str]:
    """What every function of the deployment sees."""
    variables = dict(tree()["Globals"]["Function"]["Environment"]["Variables"])
    for function in resources_of_type("AWS::Serverless::Function").values():
        variables |= function.get("Environment", {}).get("Variables", {})
    return {name: str(evaluate(node)) for name, node in variables.items()}


@cache
def queues() -> dict[str, QueueSettings]:
    """Every queue by its name, dead-letter queues as well."""
    found = {}
    for name, queue in resources_of_type("AWS::SQS::Queue").items():
        redrive = queue.get("RedrivePolicy", {})
        dead = evaluate(redrive["deadLetterTargetArn"]).rsplit(":", 1)[1] if redrive else None
        most = redrive.get("maxReceiveCount")
        found[name] = QueueSettings(name, evaluate(queue.get("VisibilityTimeout", 30)), most, dead)
    return found


@cache
def functions() -> list[Function]:
    """The functions that take messages, in the order of the template."""
    found = []
    for function in resources_of_type("AWS::Serverless::Function").values():
        for event in function.get("Events", {}).values():
            if event["Type"] != "SQS":
                continue
            told = event["Properties"]
            queue = evaluate(told["Queue"]).rsplit(":", 1)[1]
            window = evaluate(told.get("MaximumBatchingWindowInSeconds", 0))
            folder = function["CodeUri"].rstrip("/").rsplit("/", 1)[1]
            found.append(Function(folder, queue, told["BatchSize"], window, function["Timeout"]))
    return found


@cache
def buckets() -> dict[str, bool]:
    """Name of each bucket, and whether it keeps versions."""
    found = resources_of_type("AWS::S3::Bucket")
    return {_ref(name): "VersioningConfiguration" in bucket for name, bucket in found.items()}


@cache
def indexes() -> dict[str, tuple[str, str]]:
    """Partition and sort key of each index of the table, by the index's name."""
    (table,) = resources_of_type("AWS::DynamoDB::Table").values()
    found = {}
    for index in table["GlobalSecondaryIndexes"]:
        first, second = (evaluate(key)["AttributeName"] for key in index["KeySchema"])
        found[index["IndexName"]] = (first, second)
    return found


@cache
def rules() -> list[tuple[dict, list[str]]]:
    """(event pattern, names of the queues) of each rule of EventBridge."""
    found = resources_of_type("AWS::Events::Rule").values()
    return [
        (evaluate(rule["EventPattern"]), [evaluate(target["Arn"]).rsplit(":", 1)[1] for target in rule["Targets"]])
        for rule in found
        if "EventPattern" in rule
    ]
