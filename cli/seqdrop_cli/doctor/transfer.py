"""Whether DataSync brings runs: its agents are online, and its last execution succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.datasync import AVAILABLE, ENDED, SUCCESS, execution_id

from seqdrop_cli.doctor.finding import FAILED, NOTE, OK, WARNING, Finding
from seqdrop_cli.transfers import read_executions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from seqdrop_cli.doctor.stack import Stack

TRANSFER = "transfer"
READY = (AVAILABLE, "RUNNING", "QUEUED")
START = "`seqdrop transfer start` tries again"


def check_transfer(stack: Stack) -> Iterator[Finding]:
    """Yield what prevents transfers; nothing for a stack without one."""
    arn = stack.settings.get("transfer_task")
    if not arn:
        return
    client = stack.client("datasync")
    task = client.describe_task(TaskArn=arn)
    offline = list(_find_offline(client, task["SourceLocationArn"])) if "SourceLocationArn" in task else []
    for agent in offline:
        advice = "start its machine, and let it reach AWS (docs/transfer.md)"
        yield Finding(TRANSFER, FAILED, f"the agent {agent} is offline", advice)
    if task["Status"] not in READY and not offline:
        reason = task.get("ErrorDetail", task["Status"])
        yield Finding(TRANSFER, FAILED, f"the task cannot run: {reason}", "check the agent and the share")
    yield _judge_last(client, arn)


def _find_offline(client: Any, location: str) -> Iterator[str]:  # noqa: ANN401 # boto3's client
    """Yield the names of the agents of a share that are offline; none for a bucket."""
    pages = client.get_paginator("list_locations").paginate()
    places = {place["LocationArn"]: place["LocationUri"] for page in pages for place in page["Locations"]}
    uri = places.get(location, "")
    if uri.startswith("nfs:"):
        agents = client.describe_location_nfs(LocationArn=location)["OnPremConfig"]["AgentArns"]
    elif uri.startswith("smb:"):
        agents = client.describe_location_smb(LocationArn=location)["AgentArns"]
    else:
        agents = []
    for arn in agents:
        agent = client.describe_agent(AgentArn=arn)
        if agent["Status"] != "ONLINE":
            yield agent.get("Name") or arn


def _judge_last(client: Any, task: str) -> Finding:  # noqa: ANN401 # boto3's client
    ended = [each for each in read_executions(client, task) if each["Status"] in ENDED]
    if not ended:
        return Finding(TRANSFER, NOTE, "nothing was copied yet")
    name, failed = execution_id(ended[0]["TaskExecutionArn"]), sum(ended[0].get("FilesFailed", {}).values())
    if ended[0]["Status"] == SUCCESS and not failed:
        return Finding(TRANSFER, OK, f"the last execution copied {ended[0].get('FilesTransferred', 0):,} files")
    if ended[0]["Status"] == SUCCESS:
        return Finding(TRANSFER, WARNING, f"{failed:,} files of the execution {name} failed", START)
    reason = ended[0].get("Result", {}).get("ErrorDetail", "DataSync gave no reason")
    return Finding(TRANSFER, FAILED, f"the last execution, {name}, failed: {reason}", START)
