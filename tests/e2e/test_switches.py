"""Optional parts of a stack: every combination of their switches deploys; switched off, they leave nothing behind."""

from __future__ import annotations

from itertools import product

import pytest

from local.deploy import install

pytestmark = pytest.mark.long  # deploys its own stack several times

STACK = "switches"
FUNCTIONS = {"Endpoints": "ServeFunction", "Monitoring": "MonitorFunction"}
# What an account may keep after a change of a stack: the service, its operation, and the members with the names.
KINDS = {
    "functions": ("lambda", "list_functions", "Functions", "FunctionName"),
    "alarms": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "dashboards": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "log groups": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "rules": ("events", "list_rules", "Rules", "Name"),
    "roles": ("iam", "list_roles", "Roles", "RoleName"),
}


def list_names(aws) -> dict[str, set[str]]:
    """Return the names of what the stack has, by kind; its queues and topics are among its resources."""
    names: dict[str, set[str]] = {}
    for kind, (service, operation, member, name) in KINDS.items():
        pages = aws.client(service).get_paginator(operation).paginate()
        all_names = {entry[name] for page in pages for entry in page.get(member, [])}
        names[kind] = {each for each in all_names if STACK in each}
    queues = aws.client("sqs").list_queues().get("QueueUrls", [])
    names["queues"] = {url for url in queues if STACK in url}
    return names


def list_resources(aws) -> set[str]:
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {entry["LogicalResourceId"] for page in pages for entry in page["StackResourceSummaries"]}


def test_each_combination_deploys_and_switched_off_nothing_is_left(aws):
    install(aws, name=STACK)
    plain, names = list_resources(aws), list_names(aws)
    assert not plain & set(FUNCTIONS.values())
    assert len(names["functions"]) > 8
    for values in product(("true", "false"), repeat=len(FUNCTIONS)):  # all on is the first, all off the last
        switches = dict(zip(FUNCTIONS, values, strict=True))
        install(aws, name=STACK, **switches)
        wanted = {FUNCTIONS[name] for name, value in switches.items() if value == "true"}
        assert list_resources(aws) & set(FUNCTIONS.values()) == wanted
    assert list_resources(aws) == plain
    left = {kind: now - names[kind] for kind, now in list_names(aws).items()}
    # The embedded Lambda writes the last lines of serve, which CloudFormation called, when its log group is gone, and
    # so makes it anew. On AWS the role of a function may not create log groups.
    left["log groups"] -= {f"/seqdrop/{STACK}/serve"}
    assert not any(left.values()), left
