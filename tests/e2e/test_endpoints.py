"""Endpoints of a stack: made by a deploy, updated by a promotion, rolled back by an alarm, and gone with the parameter."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace

import pytest
from seqdrop.sagemaker.endpoints import describe_endpoint

from local.deploy import deploy
from tests.e2e.conftest import make_target

pytestmark = pytest.mark.long  # deploys its own stack

STACK, NAME = "serving", "serving-contigs"
ENDPOINT = "\n[analyses.contigs.endpoint]\nmax_instances = 1\n"
PATIENCE = 180  # seconds
SEQUENCE = "CTAATC TAATCT AATCTA"


def copy_tree(repository, folder, more: str):
    """Return a copy of the checkout whose analyses.toml has more tables."""
    for name in ("functions", "layers"):
        shutil.copytree(repository / name, folder / name, symlinks=True)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(repository / name, folder)
    analyses = folder / "layers/seqdrop/seqdrop/analyses.toml"
    text = (repository / "analyses.toml").read_text() + more
    analyses.unlink()
    analyses.write_text(text)
    return folder


@pytest.fixture(scope="module")
def tree(repository, tmp_path_factory):
    return copy_tree(repository, tmp_path_factory.mktemp("tree"), ENDPOINT)


@pytest.fixture(scope="module")
def serving(aws, tree):
    return deploy(aws, tree=tree, name=STACK, Endpoints="true")


def wait_until(condition, seconds: float = PATIENCE):
    """Return what the condition returns as soon as it is true. The embedded AWS has no event for tests to wait for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := condition():
            return result
        time.sleep(0.5)
    raise AssertionError(f"not true after {seconds} seconds: {condition}")


def wait_for_service(aws, name: str = NAME, configuration_not: str = ""):
    def is_there():
        state = describe_endpoint(aws.client("sagemaker"), name)
        return state if state and state.status == "InService" and state.configuration != configuration_not else None

    return wait_until(is_there)


def invoke(aws, inputs: str = SEQUENCE) -> list | dict:
    response = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=NAME,
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps({"inputs": inputs}),
    )
    return json.loads(response["Body"].read())


def test_a_deployed_endpoint_predicts_for_the_payload_of_the_chapter(aws, serving):
    wait_for_service(aws)
    print(invoke(aws))
