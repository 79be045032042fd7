"""An independent simulator of IAM on the policies of the template: the embedded AWS and our tables say the same."""

from __future__ import annotations

import pytest

from tests.contract.test_template import NEEDS
from tests.support.reviewers.findings import EVERYTHING
from tests.support.reviewers.requests import Request, Roles
from tests.support.reviewers.resolved import ACCOUNT, REGION, Resolved
from tests.support.reviewers.simulator import OTHER_TYPE, decide_embedded, simulate
from tools.transformed_template import transform

pytestmark = pytest.mark.long
HERE = f"us-east-1:{ACCOUNT}"
JOB = f"arn:aws:sagemaker:{HERE}:{{}}-job/seqdrop-training-x"
LANDING, ARCHIVE = "arn:aws:s3:::seqdrop-landing-bucket/reads/x", "arn:aws:s3:::seqdrop-archive-bucket/reads/x"
CURRENT = "arn:aws:s3:::seqdrop-models-bucket/models/x/current.json"
RESULTS, CODE = "arn:aws:s3:::seqdrop-results-bucket/results/x", "arn:aws:s3:::seqdrop-models-bucket/training/x"
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/seqdrop-ExecutionRole"
READ, WRITE, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObjectVersion"
TRAIN, EXAMINE = (
    ("sagemaker:CreateTrainingJob", JOB.format("training")),
    ("sagemaker:CreateProcessingJob", JOB.format("processing")),
)
PREDICT = ("sagemaker:CreateTransformJob", JOB.format("transform"))
# The simulator ignores a context key that today's reference does not define; the template allows for both names.
EARLIER_NAME = "sagemaker:VolumeKmsKey"
JOBS = (TRAIN, EXAMINE, PREDICT)
# The column "may not" of the table of roles in docs/security.md.
REFUSED = {
    "ValidateRole": [*JOBS, (READ, CURRENT), (WRITE, RESULTS), (DELETE, LANDING), ("iam:PassRole", EXECUTION)],
    "StartProcessingRole": [(READ, LANDING), ("iam:PassRole", EXECUTION), TRAIN, PREDICT],
    "StartTransformRole": [(READ, LANDING), (WRITE, CURRENT), TRAIN, EXAMINE],
    "StartTrainingRole": [(READ, LANDING), (WRITE, CURRENT), PREDICT, EXAMINE],
    "FinishRole": [(WRITE, CURRENT), (READ, LANDING), *JOBS],
    "ArchiveRole": [(DELETE, ARCHIVE), *JOBS],
    "BundleRole": [(DELETE, ARCHIVE), *JOBS],
    "InventoryRole": [(READ, LANDING), (DELETE, ARCHIVE), (DELETE, LANDING), *JOBS],
    "ReconcileRole": [(READ, LANDING), *JOBS],
    "MonitorRole": [(READ, LANDING), (READ, RESULTS), (WRITE, CURRENT), ("iam:PassRole", EXECUTION), *JOBS],
    "MonitoringRole": [(READ, LANDING), (WRITE, RESULTS), (WRITE, CURRENT), (WRITE, CODE), *JOBS],
    "CatalogueRole": [(READ, LANDING), (READ, CURRENT), (WRITE, RESULTS), (DELETE, RESULTS), *JOBS],
    "ExecutionRole": [(READ, LANDING), (WRITE, CURRENT)],
    "TrainingRole": [(READ, LANDING), (WRITE, CURRENT)],
    "ProcessingRole": [(WRITE, RESULTS), (WRITE, CURRENT), (WRITE, CODE), *JOBS],
}


@pytest.fixture(scope="module")
def resolved():
    return Resolved(transform(), EVERYTHING)


@pytest.fixture(scope="module")
def roles(resolved):
    return Roles(resolved)


@pytest.fixture(scope="module")
def key(resolved):
    """The ARN of the key, and its policy."""
    return resolved.arn("Key"), resolved.resource("Key")["Properties"]["KeyPolicy"]


def test_the_embedded_aws_decides_as_the_simulator_on_everything_that_any_role_may_do(roles):
    targets = [target for target in roles.targets() if EARLIER_NAME not in target[2]]
    requests = [roles.request(role, *target) for role in roles.policies for target in targets]
    pairs = zip(requests, simulate(requests), strict=True)
    decisions = [(request, decision) for request, decision in pairs if decision != OTHER_TYPE]
    assert {decision for _, decision in decisions} == {"Allowed", "ImplicitlyDenied", "ExplicitlyDenied"}
    # In AWS, the ARN of a group to which streams are added ends in :*, which the simulator's list of types has not.
    undecided = {action for action, *_ in targets} - {request.action for request, _ in decisions}
    assert undecided == {"logs:CreateLogStream"}
    differences = [
        (request.principal.rpartition("-")[2], request.action, request.resource, request.context, decision, embedded)
        for request, decision in decisions
        if (embedded := decide_embedded(request)) != decision
    ]
    assert differences == []


@pytest.mark.parametrize("role", ["StartProcessingRole", "StartTransformRole", "StartTrainingRole", "MonitorRole"])
def test_a_job_is_admitted_by_the_condition_keys_that_iam_defines_for_it(roles, role):
    """A condition on a key that IAM does not define for an action refuses every request."""
    create = {action for action in roles.actions(role) if action.startswith("sagemaker:Create")}
    targets = [target for target in roles.targets() if target[0] in create]
    decisions = zip(targets, simulate([roles.request(role, *target) for target in targets]), strict=True)
    assert {action for (action, *_), decision in decisions if decision == "Allowed"} == create


def test_identities_that_access_encrypted_resources_may_use_the_key(roles, key):
    arn, policy = key
    needs = {
        role: set().union(*(NEEDS.get(action, set()) for action in roles.actions(role))) for role in roles.policies
    }
    via_s3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}  # people who ask the catalogue may use it in no other way
    requests = [roles.request(role, action, arn, via_s3) for role, actions in needs.items() for action in actions]
    assert len(requests) > 20
    assert set(simulate(requests)) == {"Allowed"}
    without = [Request(request.principal, request.action, arn, resource_policy=policy) for request in requests]
    assert set(simulate(without)) == {"ImplicitlyDenied"}, "the policy of the key alone must not admit a role"


def test_no_role_has_what_the_table_of_roles_says_it_may_not(roles):
    requests = [roles.request(role, *target) for role, targets in REFUSED.items() for target in targets]
    allowed = [
        (request.principal, request.action, request.resource)
        for request, decision in zip(requests, simulate(requests), strict=True)
        if decision != "ImplicitlyDenied" and decision != "ExplicitlyDenied"
    ]
    assert allowed == []


@pytest.mark.parametrize(
    ("service", "action", "named", "unnamed"),
    [
        ("events", "kms:Decrypt", "Allowed", "Allowed"),
        ("events", "kms:GenerateDataKey", "Allowed", "Allowed"),
        ("cloudwatch", "kms:GenerateDataKey", "Allowed", "ImplicitlyDenied"),
        ("budgets", "kms:Decrypt", "Allowed", "ImplicitlyDenied"),
        ("s3", "kms:GenerateDataKey", "Allowed", "ImplicitlyDenied"),
        ("s3", "kms:Decrypt", "ImplicitlyDenied", "ImplicitlyDenied"),
        ("lambda", "kms:Decrypt", "ImplicitlyDenied", "ImplicitlyDenied"),
    ],
)
def test_services_use_the_key_for_this_account_only(key, service, action, named, unnamed):
    arn, policy = key
    context = {"aws:SourceAccount": ACCOUNT}
    principal = f"{service}.amazonaws.com"
    requests = [
        Request(principal, action, arn, context, resource_policy=policy),
        Request(principal, action, arn, {"aws:SourceAccount": "999999999999"}, resource_policy=policy),
    ]
    assert simulate(requests) == [named, unnamed]


def test_only_services_get_grants_on_the_key(roles, key):
    arn, policy = key
    administrator = ({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},)
    principal = f"arn:aws:iam::{ACCOUNT}:role/administrator"
    requests = [
        Request(principal, "kms:CreateGrant", arn, {"kms:GrantIsForAWSResource": value}, administrator, policy)
        for value in ("true", "false")
    ]
    job = roles.request("TrainingRole", "kms:CreateGrant", arn, {"kms:GrantIsForAWSResource": "true"})
    assert simulate([*requests, job]) == ["Allowed", "ExplicitlyDenied", "Allowed"]
