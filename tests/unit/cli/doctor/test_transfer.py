"""What the doctor says of a transfer, and what `seqdrop transfer` sends and shows."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from seqdrop_cli.doctor.transfer import check_transfer
from seqdrop_cli.errors import CommandError
from seqdrop_cli.transfers import send_order, show_executions

TASK = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0"
START = datetime(2026, 12, 1, tzinfo=UTC)


class DataSync:
    """DataSync with one task whose source is a share or a bucket, and these executions: (state, files that failed)."""

    def __init__(self, *executions: tuple[str, int], uri: str = "s3://lab/", agent: str = "ONLINE"):
        self._executions, self._uri, self._agent = executions, uri, agent

    def describe_task(self, **_request):
        return {"Status": "AVAILABLE", "SourceLocationArn": "location"}

    def get_paginator(self, _name):
        place = {"LocationArn": "location", "LocationUri": self._uri}
        return SimpleNamespace(paginate=lambda: [{"Locations": [place]}])

    def describe_location_nfs(self, **_request):
        return {"OnPremConfig": {"AgentArns": ["agent"]}}

    def describe_location_smb(self, **_request):
        return {"AgentArns": ["agent"]}

    def describe_agent(self, **_request):
        return {"Status": self._agent, "Name": "nas"}

    def list_task_executions(self, **_request):
        arns = [f"{TASK}/execution/exec-{number}" for number in range(len(self._executions))]
        return {
            "TaskExecutions": [
                {"TaskExecutionArn": arn, "Status": state}
                for arn, (state, _) in zip(arns, self._executions, strict=True)
            ]
        }

    def describe_task_execution(self, **request):
        number = int(request["TaskExecutionArn"].rpartition("-")[2])
        state, failed = self._executions[number]
        return {
            **request,
            "Status": state,
            "StartTime": START + timedelta(hours=number),
            "FilesTransferred": 1000,
            "FilesFailed": {"Transfer": failed},
            "Result": {"ErrorDetail": "no route"} if state == "ERROR" else {},
        }


def diagnose(client: DataSync) -> list[tuple[str, str]]:
    stack = SimpleNamespace(settings={"transfer_task": TASK}, client=lambda _: client)
    return [(finding.status, finding.text) for finding in check_transfer(stack)]


@pytest.mark.parametrize(
    ("executions", "expected"),
    [
        ((), ("note", "nothing was copied yet")),
        ((("ERROR", 0), ("SUCCESS", 0)), ("ok", "the last execution copied 1,000 files")),
        ((("SUCCESS", 0), ("ERROR", 0)), ("failed", "the last execution, exec-1, failed: no route")),
        ((("SUCCESS", 0), ("SUCCESS", 2)), ("warning", "2 files of the execution exec-1 failed")),
        ((("SUCCESS", 0), ("TRANSFERRING", 0)), ("ok", "the last execution copied 1,000 files")),
    ],
)
def test_the_last_execution_that_ended_is_judged(executions, expected):
    assert diagnose(DataSync(*executions)) == [expected]


@pytest.mark.parametrize("uri", ["nfs://nas/runs/", "smb://nas/runs/"])
def test_an_agent_that_is_offline_is_named(uri):
    assert diagnose(DataSync(uri=uri, agent="OFFLINE"))[0] == ("failed", "the agent nas is offline")
    assert diagnose(DataSync(uri=uri)) == [("note", "nothing was copied yet")]


def test_a_stack_without_a_transfer_has_no_finding():
    assert list(check_transfer(SimpleNamespace(settings={}))) == []


def make_target(*, outputs: dict[str, str], queues: dict[str, str], client: DataSync | None = None):
    sent = []
    entries = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
    clients = {
        "sqs": SimpleNamespace(send_message=lambda **request: sent.append(request)),
        "cloudformation": SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [{"Outputs": entries}]}),
        "datasync": client,
    }
    return SimpleNamespace(stack="seqdrop", queues=lambda: queues, client=clients.get, sent=sent)


def test_an_order_is_a_message_and_executions_are_a_table(capsys):
    client = DataSync(("SUCCESS", 0), ("ERROR", 2))
    target = make_target(outputs={"TransferTask": TASK}, queues={"TransferQueue": "url"}, client=client)
    send_order(target, everything=True)
    assert json.loads(target.sent[0]["MessageBody"]) == {"transfer": "start", "all": True}
    show_executions(target)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t")[:2] == ["exec-1", "ERROR"]
    assert first.endswith("2\tno route")
    assert second.startswith("exec-0\tSUCCESS\t2026-12-01 00:00")


def test_without_a_transfer_the_commands_say_how_to_get_one():
    target = make_target(outputs={}, queues={})
    with pytest.raises(CommandError, match="Transfer=true"):
        send_order(target, everything=False)
    with pytest.raises(CommandError, match="Transfer=true"):
        show_executions(target)
