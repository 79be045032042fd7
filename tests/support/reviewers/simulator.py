"""Decisions on requests by two engines that know nothing of each other: iam-simulate, and that of the embedded AWS."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from ministack.core import iam_evaluator

from tests.support.reviewers.programs import REPOSITORY
from tests.support.reviewers.resolved import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.support.reviewers.requests import Request

FOLDER = REPOSITORY / ".npm-iam-simulate"
OTHER_TYPE = "the action works on resources of another type"


def simulate(requests: list[Request]) -> list[str]:
    """Return "Allowed", "ImplicitlyDenied", "ExplicitlyDenied" or OTHER_TYPE for each request, by iam-simulate.

    Skip the test if it is not installed. Fail if it finds fault with a policy or does not know an action.
    """
    node = shutil.which("node")
    if not node or not (FOLDER / ".ready").is_file():
        pytest.skip("there is no Node.js or no .npm-iam-simulate; `make reviewers` makes it where there is npm")
    questions = [asdict(request) | {"resourcePolicy": request.resource_policy} for request in requests]
    command = [node, FOLDER / "simulate.mjs"]
    process = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-2000:]
    decisions = [OTHER_TYPE if "no.resource.types" in decision else decision for decision in json.loads(process.stdout)]
    pairs = zip(requests, decisions, strict=True)
    errors = [
        (request.action, request.resource, decision) for request, decision in pairs if decision.startswith("error")
    ]
    assert errors == []
    return decisions


def decide_embedded(request: Request) -> str:
    """Return the decision of the embedded AWS in the words of iam-simulate. A policy of the resource must allow too."""
    context = {key.lower(): value for key, value in request.context.items()}
    evaluated = iam_evaluator.EvalContext(
        principal_arn=request.principal,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=request.action,
        resource_arn=request.resource,
        region=REGION,
        service_context=context,
    )
    parsed = [iam_evaluator.parse_policy_document(policy) for policy in request.policies]
    decisions = {iam_evaluator.evaluate(evaluated, parsed).decision}
    if request.resource_policy:
        decisions.add(iam_evaluator.evaluate_resource_policy(request.resource_policy, evaluated).decision)
    if "Deny" in decisions:
        return "ExplicitlyDenied"
    return "Allowed" if decisions == {"Allow"} else "ImplicitlyDenied"
