"""Optional parts of a stack: each alone and all together deploy; switched off, they leave nothing behind.

tests/contract/test_switches.py tries all combinations without a deploy.
"""

from __future__ import annotations

import pytest

from local.deploy import install
from tests.support.switches import NEEDS, Deployed, switches, template

pytestmark = pytest.mark.long  # deploys its own stack several times

STACK = "switches"
LAYER = "AWS::Serverless::LayerVersion"  # SAM adds a digest to its name
# What an account may keep after a change of a stack: the service, its operation, and the members with the names.
KINDS = {
    "functions": ("lambda", "list_functions", "Functions", "FunctionName"),
    "alarms": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "dashboards": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "log groups": ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "rules": ("events", "list_rules", "Rules", "Name"),
    "roles": ("iam", "list_roles", "Roles", "RoleName"),
    "databases": ("glue", "get_databases", "DatabaseList", "Name"),
    "workgroups": ("athena", "list_work_groups", "WorkGroups", "Name"),
    "stacks": ("cloudformation", "describe_stacks", "Stacks", "StackName"),
}


def list_names(aws) -> dict[str, set[str]]:
    """Return the names of what the stack has, by kind; its queues and topics are among its resources."""
    names: dict[str, set[str]] = {}
    for kind, (service, operation, member, name) in KINDS.items():
        client = aws.client(service)
        many = client.can_paginate(operation)
        pages = client.get_paginator(operation).paginate() if many else [getattr(client, operation)()]
        all_names = {entry[name] for page in pages for entry in page.get(member, [])}
        names[kind] = {each for each in all_names if STACK in each}
    queues = aws.client("sqs").list_queues().get("QueueUrls", [])
    names["queues"] = {url for url in queues if STACK in url}
    return names


def list_resources(aws) -> set[str]:
    """Return the logical names of the resources of the stack, and of the stacks within it."""
    client = aws.client("cloudformation")
    names: set[str] = set()
    for stack in client.describe_stacks()["Stacks"]:
        if stack["StackName"].startswith(STACK):
            pages = client.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
            names |= {entry["LogicalResourceId"] for page in pages for entry in page["StackResourceSummaries"]}
    return names


def deploy_with(aws, *on: str) -> set[str]:
    """Deploy with these switches on, and all others off; return the resources, which must be those of the template."""
    values = {name: "true" if name in on else "false" for name in switches()}
    values |= {key: value for name in on for key, value in NEEDS.get(name, {}).items()}
    install(aws, name=STACK, **values)
    resources = list_resources(aws)
    named = {name for name, body in template()["Resources"].items() if body["Type"] != LAYER}
    assert named & resources == named & set(Deployed(template(), values).names)
    return resources


def test_each_part_deploys_and_switched_off_nothing_is_left(aws):
    plain = deploy_with(aws)
    names = list_names(aws)
    assert len(names["functions"]) > 8
    assert deploy_with(aws, *switches()) > plain
    for name in switches():
        deploy_with(aws, name)
    assert deploy_with(aws) == plain
    left = {kind: now - names[kind] for kind, now in list_names(aws).items()}
    # The embedded Lambda writes the last lines of serve, which CloudFormation called, when its log group is gone, and
    # so makes it anew. On AWS the role of a function may not create log groups.
    left["log groups"] -= {f"/seqdrop/{STACK}/serve"}
    assert not any(left.values()), left
