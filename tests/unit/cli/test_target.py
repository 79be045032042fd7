"""The stack that a command uses, and the error if there is none."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from seqdrop_cli import target as module
from seqdrop_cli.command import StackOptions
from seqdrop_cli.errors import StackNotFoundError
from seqdrop_cli.target import CONNECTIONS, STACK_FILE, Target, find_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("landing", "work", "results", "models", "archive", "table")
NO_OPTIONS = StackOptions(None, None)


def make_target(label: str, endpoint: str | None = None) -> Target:
    return Target("eu-west-1", *(f"{label}-{name}" for name in NAMES), endpoint=endpoint, access_key="test")


class CloudFormation:
    """A boto3 session and its CloudFormation client, for an account with two stacks in us-east-1."""

    def __init__(self, region_name: str | None = None):
        self.region_name = region_name or "us-east-1"

    def client(self, _: str) -> CloudFormation:
        return self

    def describe_stacks(self, StackName: str) -> dict:  # noqa: N803 (boto3's name)
        if self.region_name != "us-east-1" or StackName not in ("lab", "foreign"):
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        outputs = [{"OutputKey": name.title(), "OutputValue": f"lab-{name}"} for name in NAMES]
        return {"Stacks": [{"Outputs": outputs if StackName == "lab" else []}]}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path) -> None:
    """Exclude this checkout and the environment variable from the search for a stack."""
    (tmp_path / "checkout").mkdir()
    monkeypatch.setattr(module, "CHECKOUT", tmp_path / "checkout")
    monkeypatch.delenv("SEQDROP_STACK", raising=False)
    monkeypatch.chdir(tmp_path / "checkout")


class TestSearch:
    def test_the_stack_file_of_a_parent_folder_is_used(self, monkeypatch, tmp_path):
        folder = tmp_path / "data/run7/L1"
        folder.mkdir(parents=True)
        make_target("parent").save(tmp_path / "data" / STACK_FILE)
        make_target("checkout").save(tmp_path / "checkout" / STACK_FILE)
        monkeypatch.chdir(folder)
        assert find_target(NO_OPTIONS).landing == "parent-landing"

    def test_the_stack_file_of_the_checkout_is_used_from_any_folder(self, monkeypatch, tmp_path):
        make_target("checkout").save(tmp_path / "checkout" / STACK_FILE)
        monkeypatch.chdir("/")
        assert find_target(NO_OPTIONS).landing == "checkout-landing"

    def test_without_any_stack_the_error_says_what_to_do(self, seqdrop):
        outcome = seqdrop("status")
        assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 1)
        for words in ("--stack NAME", "SEQDROP_STACK", "make demo KEEP=1"):
            assert words in outcome.err


class TestDeployedStack:
    @pytest.fixture
    def deployed(self, monkeypatch) -> None:
        """Deploy two stacks in us-east-1: lab with the outputs of Seqdrop, foreign without."""
        monkeypatch.setattr(module.boto3, "Session", CloudFormation)

    def test_the_named_stack_comes_before_the_variable_and_both_before_a_file(self, deployed, monkeypatch):
        make_target("file").save()
        monkeypatch.setenv("SEQDROP_STACK", "lab")
        assert find_target(NO_OPTIONS).landing == "lab-landing"
        monkeypatch.setenv("SEQDROP_STACK", "absent")
        assert find_target(StackOptions("lab", None)).table == "lab-table"

    def test_the_region_can_be_named(self, deployed):
        assert find_target(StackOptions("lab", "us-east-1")).region == "us-east-1"
        with pytest.raises(StackNotFoundError, match=r"no stack 'lab' in eu-west-1.*--region and AWS_PROFILE"):
            find_target(StackOptions("lab", "eu-west-1"))

    def test_a_foreign_stack_is_refused(self, deployed):
        with pytest.raises(StackNotFoundError, match="'foreign' is not a stack of Seqdrop: it has no output landing"):
            find_target(StackOptions("foreign", None))

    def test_its_clients_keep_the_defaults_of_boto3_but_for_the_connections_of_an_uploader(self):
        config = Target("eu-west-1", *NAMES).client_config
        defaults = {name: default for name, default in Config.OPTION_DEFAULTS.items() if default is not None}
        assert {name: getattr(config, name) for name in defaults} == defaults | {"max_pool_connections": CONNECTIONS}
        assert (config.retries, config.connect_timeout, config.read_timeout) == (None, 60, 60)


class TestDeadServer:
    @pytest.fixture
    def closed_port(self) -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]

    @pytest.fixture
    def silent_port(self) -> Iterator[int]:
        """A port that accepts connections, but never responds."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            yield listener.getsockname()[1]

    def test_a_closed_port_is_reported_with_how_to_start_the_server(self, seqdrop, closed_port):
        make_target("dead", f"http://127.0.0.1:{closed_port}").save()
        outcome = seqdrop("status")
        url = f"http://127.0.0.1:{closed_port}"
        expected = f"seqdrop: the embedded AWS at {url} does not respond; start it with `make demo KEEP=1`\n"
        assert (outcome.status, outcome.err) == (2, expected)

    def test_a_port_that_does_not_respond_is_reported_with_how_to_start_the_server(
        self, seqdrop, silent_port, monkeypatch
    ):
        monkeypatch.setattr(module, "PROBE_SECONDS", 0.1)
        make_target("dead", f"http://127.0.0.1:{silent_port}").save()
        outcome = seqdrop("status")
        assert outcome.status == 2
        assert "does not respond; start it with `make demo KEEP=1`" in outcome.err

    def test_the_probe_and_the_clients_wait_for_less_than_three_seconds(self, closed_port):
        target = make_target("dead", f"http://127.0.0.1:{closed_port}")
        config = target.client("s3").meta.config
        assert module.PROBE_SECONDS < 3
        assert config.connect_timeout == 1
        assert config.retries["total_max_attempts"] == 2
        assert target.ledger()._client.meta.config.connect_timeout == 1
        assert Config().connect_timeout == 60

    def test_a_server_that_dies_between_two_calls_is_reported(self, seqdrop, closed_port, use_target):
        use_target(make_target("dead", f"http://127.0.0.1:{closed_port}"))
        outcome = seqdrop("fetch", "ABC")
        assert outcome.status == 2
        assert "does not respond; start it with `make demo KEEP=1`" in outcome.err


@pytest.mark.parametrize("text", ["{", '{"unknown": 1}'])
def test_a_damaged_stack_file_is_reported_with_its_path(tmp_path: Path, text):
    path = tmp_path / "stack.json"
    path.write_text(text)
    with pytest.raises(StackNotFoundError, match=r"stack\.json is damaged .*; remove it, and start it with"):
        Target.load(path)


def test_a_stack_file_from_an_earlier_version_is_read(tmp_path: Path):
    """Version 0.1 wrote no `stack`."""
    path = tmp_path / "stack.json"
    path.write_text(json.dumps({"region": "r", **dict(zip(NAMES, NAMES, strict=True))}))
    assert Target.load(path).stack == "seqdrop"
