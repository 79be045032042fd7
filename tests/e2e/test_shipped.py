"""What ships is what was tested: each function of the deployed build, alone under the Lambda emulator.

A function has its layers, its memory limit, the variables of its stack and the credentials of its role. It handles its
files of events/ against the embedded AWS.
"""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from seqdrop_cli.events import make_event, queue_arn

from tests.support.built import read_build
from tests.support.emulator import running
from tests.support.memory_limit import MEGABYTE
from tests.support.stack_environment import environment_of, physical_id

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.support.emulator_fixtures"]
pytestmark = pytest.mark.long  # each function starts on its own, and two wait for their time-out

# The examples name uploads, runs and jobs that do not exist. For some functions that is an error, so the message is
# delivered again; for the others there is nothing to do.
RETRIED = ("bundle", "inventory", "restore")
DONE = (
    *("archive", "finish", "finish-processing", "finish-training", "forget", "restore-completed"),
    *("start_processing", "start_training", "start_transform", "validate-eventbridge", "validate-records"),
)
# Their functions exist only with Monitoring or Catalogue; tests/e2e/test_monitoring.py and test_catalogue.py run them.
OPTIONAL = ("monitor", "monitor-schedule", "catalogue")
MESSAGE = "00000001-1111-2222-3333-444444444444"  # the id of the first message of each example
READS = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"
LARGEST_EVENT = 6 * MEGABYTE  # of a synchronous invocation


@pytest.fixture(scope="module")
def functions(aws, stack):
    """Return the built functions from which the stack was deployed, by the names of their folders in functions/."""
    return {function.stage: function for function in read_build(aws.workdir / "sam-build-seqdrop").values()}


@pytest.fixture
def start(aws, functions, runtime):
    """Return a function that runs a built function for a `with` block."""

    def start(stage: str, timeout: int | None = None, **variables: str):
        function = functions[stage]
        return running(function, runtime, environment_of(aws, function.name) | variables, timeout=timeout)

    return start


@pytest.fixture
def event(repository):
    return lambda name: json.loads((repository / f"events/{name}.json").read_text())


@pytest.fixture
def silent_endpoint() -> Iterator[str]:
    """Return the URL of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_every_example_and_every_function_is_tried(repository, functions):
    tried = ["reconcile", *RETRIED, *DONE, *OPTIONAL]
    assert sorted(tried) == sorted(file.stem for file in (repository / "events").glob("*.json"))
    assert {name.partition("-")[0] for name in tried} == set(functions)


@pytest.mark.parametrize("name", DONE)
def test_an_example_that_names_nothing_is_done(start, event, name):
    with start(name.partition("-")[0]) as function:
        assert function.invoke(event(name)) == {"batchItemFailures": []}


@pytest.mark.parametrize("name", RETRIED)
def test_an_example_that_names_what_should_exist_is_retried(start, event, name):
    with start(name) as function:
        assert function.invoke(event(name)) == {"batchItemFailures": [{"itemIdentifier": MESSAGE}]}


def test_the_reconciler_returns_its_counts(start, event):
    with start("reconcile") as function:
        counts = function.invoke(event("reconcile"))
    assert (counts["errors"], counts["received"]) == (0, 0)


def test_the_examples_leave_nothing_in_the_ledger(aws, stack, start, event):
    """A table with a record of an example would show up here, whichever test invoked it."""
    for name in ("validate-records", "start_transform"):
        with start(name.partition("-")[0]) as function:
            function.invoke(event(name))
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=stack.table)
    items = [str(item) for page in pages for item in page["Items"]]
    assert [item for item in items if "ABCDEFGHIJKLMNOPQRSTUVWX" in item or "assembly 1+2" in item] == []


def test_a_true_event_is_handled_with_the_permissions_of_the_role(aws, stack, start, put, target, wait_for_end):
    """The function of the stack is off meanwhile, and then handles the message of the same upload once more."""
    with switched_off(aws, "ValidateFunction"):
        version = put("raw/emulator/shipped.fastq", READS)
        url = target.client("sqs").get_queue_url(QueueName=queue_name(aws, "ValidateQueue"))["QueueUrl"]
        with start("validate") as function:
            response = function.invoke(make_event(version, queue_arn(url, aws.region, "aws")))
        assert response == {"batchItemFailures": []}
        assert target.ledger().require_upload(version.id).state in ("VALIDATED", "ARCHIVED")
    (progress,) = wait_for_end(version)
    assert progress.upload.state == "ARCHIVED"


def test_an_event_of_no_known_form_is_an_error_of_the_handler(start):
    with start("archive") as function:
        response = function.invoke({"detail": "neither messages nor a schedule"})
    assert (response["errorType"], response["errorMessage"]) == ("KeyError", "'Records'")
    assert response["stackTrace"]


def test_a_failed_check_is_an_error_of_the_reconciler(start, event):
    """Lambda then runs it again, and counts an error, for which there is an alarm."""
    with start("reconcile", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1") as function:
        response = function.invoke(event("reconcile"))
    assert response["errorType"] == "RetryableError"


@pytest.mark.parametrize("stage", ["archive", "reconcile"])
def test_a_function_that_takes_too_long_is_ended(start, event, silent_endpoint, stage):
    with start(stage, timeout=3, AWS_ENDPOINT_URL=silent_endpoint) as function:
        response = function.invoke(event(stage))
    assert response == "Task timed out after 3.00 seconds"


def test_a_function_that_needs_too_much_memory_is_killed_and_starts_again(start, event):
    """The function has little more than it needs to be idle when an event comes that is as large as Lambda allows."""
    example = event("archive")
    record = {**example["Records"][0], "body": json.dumps({"numbers": list(range(300))})}
    large = {"Records": [{**record, "messageId": str(number)} for number in range(3000)]}
    assert LARGEST_EVENT * 0.8 < len(json.dumps(large)) < LARGEST_EVENT
    with start("archive") as function:
        if not function.limit.kills:
            pytest.skip("this user may make no memory cgroup, and RLIMIT_DATA ends no process")
        assert function.invoke(example) == {"batchItemFailures": []}
        function.limit.set(function.limit.usage() + 4 * MEGABYTE)
        response = function.invoke(large)
        function.limit.set(512 * MEGABYTE)
        again = function.invoke(example)
    assert response["errorType"] == "Runtime.ExitError"
    assert response["errorMessage"].endswith("signal: killed")
    assert again == {"batchItemFailures": []}


def test_seqdrop_env_prints_the_variables_of_each_function(aws, target, functions):
    environments = target.environments()
    assert set(environments) == {function.name for function in functions.values()}
    assert "SEQDROP_EXECUTION_ROLE" in environments["StartTransformFunction"]
    for name, variables in environments.items():
        assert variables.items() <= environment_of(aws, name).items()


@contextmanager
def switched_off(aws, function: str) -> Iterator[None]:
    """Let the stack's function receive no messages."""
    client = aws.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName=physical_id(aws, function))["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def queue_name(aws, queue: str) -> str:
    return physical_id(aws, queue).rsplit("/", 1)[1]
