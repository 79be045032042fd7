"""IAM bounds each job: whatever the code of a function sends, its role allows no dearer instance and no longer time.

ministack's evaluator decides, with the policies of the template and the condition keys that the embedded SageMaker
reads from a request. tests/e2e/test_permissions.py tries the same with the deployed roles.
"""

from __future__ import annotations

import pytest
from ministack.core import iam_evaluator
from seqdrop.aws.prices import PRICES
from seqdrop.config.analysis import MOST_GB
from seqdrop.config.settings import PREFIX, Settings
from seqdrop.sagemaker.requests.processing import LEAST_SECONDS, LONGEST, SLOWEST

from local.sagemaker.conditions import read_conditions
from tests.support.aws import template
from tests.support.aws.template import ACCOUNT, REGION

TREE = template.tree()
KEY = template.evaluate({"GetAtt": "Key.Arn"})
NAMES = {"Training": "seqdrop-training-x", "Transform": "seqdrop-reads-x", "Processing": "seqdrop-examine-x"}


def make_request(job: str, instance: str, seconds: int = 3600, **changes) -> dict:
    """Return the members of a request that IAM sees."""
    stopping = {"StoppingCondition": {"MaxRuntimeInSeconds": seconds}}
    request = {
        "Training": {"ResourceConfig": {"InstanceType": instance, "InstanceCount": 1}, **stopping},
        "Transform": {"TransformResources": {"InstanceType": instance, "InstanceCount": 1}},
        "Processing": {
            "ProcessingResources": {"ClusterConfig": {"InstanceType": instance, "VolumeKmsKeyId": KEY}},
            **stopping,
        },
    }
    return request[job] | changes


def is_allowed(job: str, request: dict) -> bool:
    """Return True if the role of the function that starts such jobs allows the request."""
    role = {"Training": "StartTrainingRole", "Transform": "StartTransformRole", "Processing": "ValidateRole"}[job]
    documents = [policy["PolicyDocument"] for policy in TREE["Resources"][role]["Properties"]["Policies"]]
    operation = f"Create{job}Job"
    conditions = {key.lower(): value for key, value in read_conditions(operation, request).items()}
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/x",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=f"sagemaker:{operation}",
        resource_arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{job.lower()}-job/{NAMES[job]}",
        region=REGION,
        service_context=conditions,
    )
    policies = [iam_evaluator.parse_policy_document(template.evaluate(document)) for document in documents]
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


@pytest.mark.parametrize(
    ("job", "instance", "seconds"),
    [
        ("Training", "ml.g5.12xlarge", 86_400),
        ("Training", "ml.m5.xlarge", 1),
        ("Transform", "ml.m5.xlarge", 0),
        ("Processing", "ml.m5.xlarge", LONGEST),
    ],
)
def test_a_job_within_the_bounds_is_allowed(job, instance, seconds):
    assert is_allowed(job, make_request(job, instance, seconds))


@pytest.mark.parametrize(
    ("job", "instance", "seconds"),
    [
        ("Training", "ml.p4d.24xlarge", 3600),
        ("Training", "ml.p5.48xlarge", 3600),
        ("Training", "ml.g5.12xlarge", 86_401),
        ("Training", "ml.m5.xlarge", 432_000),
        ("Transform", "ml.m5.2xlarge", 0),
        ("Transform", "ml.p4d.24xlarge", 0),
        ("Processing", "ml.m5.24xlarge", 3600),
        ("Processing", "ml.m5.xlarge", LONGEST + 1),
    ],
)
def test_a_job_beyond_the_bounds_is_denied(job, instance, seconds):
    assert not is_allowed(job, make_request(job, instance, seconds))


@pytest.mark.parametrize("job", NAMES)
def test_a_request_without_an_instance_type_is_denied(job):
    """ForAllValues alone is true for a request that has no value at all."""
    assert not is_allowed(job, {"StoppingCondition": {"MaxRuntimeInSeconds": 60}})


def test_every_instance_group_of_a_training_counts():
    groups = [{"InstanceType": "ml.g5.xlarge"}, {"InstanceType": "ml.p5.48xlarge"}]
    stopping = {"MaxRuntimeInSeconds": 60}
    allowed = {"ResourceConfig": {"InstanceGroups": groups[:1]}, "StoppingCondition": stopping}
    denied = {"ResourceConfig": {"InstanceGroups": groups}, "StoppingCondition": stopping}
    assert is_allowed("Training", allowed)
    assert not is_allowed("Training", denied)


def test_a_training_without_a_time_limit_is_denied():
    """SageMaker would stop it after a day, or never before 28."""
    assert not is_allowed("Training", make_request("Training", "ml.m5.xlarge", StoppingCondition={}))


def test_a_processing_job_must_encrypt_its_volume_with_the_key():
    other = {"InstanceType": "ml.m5.xlarge", "VolumeKmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/other"}
    for cluster in (other, {"InstanceType": "ml.m5.xlarge"}):
        request = make_request("Processing", "", ProcessingResources={"ClusterConfig": cluster})
        assert not is_allowed("Processing", request)


def test_the_time_of_a_processing_job_suffices_for_the_largest_file():
    assert LEAST_SECONDS + MOST_GB * 1e9 / SLOWEST <= LONGEST


def test_hours_are_converted_for_every_value_of_the_parameter():
    hours = TREE["Parameters"]["TrainingHours"]
    assert {name: entry["Seconds"] for name, entry in TREE["Mappings"]["Hours"].items()} == {
        str(value): value * 3600 for value in hours["AllowedValues"]
    }
    assert hours["Default"] in hours["AllowedValues"]


def test_an_instance_type_of_transform_jobs_needs_a_known_price():
    (assertion,) = TREE["Rules"]["InstanceNeedsPrice"]["Assertions"]
    assert sorted(assertion["Assert"]["Contains"][0]) == sorted(PRICES)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("StartTrainingFunction", ("training_hours", "training_budget", "training_instances")),
        ("StartTransformFunction", ("job_hours", "transform_budget", "instance_price")),
        ("ReconcileFunction", ("job_hours", "transform_budget", "instance_price")),
    ],
)
def test_the_functions_that_enforce_ceilings_have_them(function, names):
    """Settings have defaults for the other functions, which must not hide a missing variable here."""
    properties = TREE["Resources"][function]["Properties"]
    variables = properties["Environment"]["Variables"]
    assert {f"{PREFIX}{name.upper()}" for name in names} <= variables.keys()
    loaded = Settings.load(template.environment())
    assert (loaded.training_budget, loaded.transform_budget, loaded.job_hours) == (50.0, 50.0, 24)
    assert "ml.p4d" not in loaded.training_instances
    assert "ml.g5.*" in loaded.training_instances.split(",")
