"""Regions, instance types and images: what template.yaml says, against its sources and as CloudFormation reads it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from samcli.yamlhelper import yaml_parse

from local.testing import expect_error, unique_name
from tools import availability

if TYPE_CHECKING:
    from local.embedded import EmbeddedAws

pytest_plugins = ["local.fixtures"]
KINDS = ("Transform", "Processing", "Training")
OWN = {f"{kind}Image": f"own/{kind.lower()}:1" for kind in KINDS}
GPU = "2.6.0-transformers5.5.3-gpu-py312-cu124-ubuntu22.04"
CPU = "2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"


@pytest.fixture(scope="module")
def text(repository) -> str:
    return (repository / "template.yaml").read_text()


@pytest.fixture(scope="module")
def template(text) -> dict:
    return yaml_parse(text)


def find_variables(template: dict) -> dict:
    """Return the expressions of the environment variables that only some functions have."""
    functions = [body for body in template["Resources"].values() if body["Type"] == "AWS::Serverless::Function"]
    environments = [body["Properties"].get("Environment", {}).get("Variables", {}) for body in functions]
    return {name: value for variables in environments for name, value in variables.items()}


def evaluate(aws: EmbeddedAws, template: dict, region: str, **parameters: str) -> dict[str, str]:
    """Return the images that the template's functions would get, or raise the refusal of its rules."""
    variables = find_variables(template)
    part = {name: template[name] for name in ("Parameters", "Mappings", "Conditions", "Rules")}
    part["Resources"] = {"Topic": {"Type": "AWS::SNS::Topic"}}
    part["Outputs"] = {kind: {"Value": variables[f"SEQDROP_{kind.upper()}_IMAGE"]} for kind in KINDS}
    client, name = aws.client("cloudformation", region_name=region), unique_name("images")
    values = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client.create_stack(StackName=name, TemplateBody=json.dumps(part), Parameters=values)
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.mark.parametrize(
    ("region", "account"),
    [("us-east-1", "763104351884"), ("ap-northeast-3", "364406365360"), ("us-gov-west-1", "442386744353")],
)
def test_images_are_those_of_the_account_of_the_region(aws, template, region, account):
    registry = f"{account}.dkr.ecr.{region}.amazonaws.com"
    assert evaluate(aws, template, region) == {
        "Transform": f"{registry}/huggingface-pytorch-inference:{CPU}",
        "Processing": f"{registry}/pytorch-training:2.8.0-cpu-py312-ubuntu22.04-sagemaker",
        "Training": f"{registry}/huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04",
    }


@pytest.mark.parametrize(
    ("instance", "tag"),
    [("ml.g5.xlarge", GPU), ("ml.g4dn.12xlarge", GPU), ("ml.p3.2xlarge", GPU), ("ml.c7i.large", CPU)],
)
def test_the_inference_image_is_that_for_the_processor(aws, template, instance, tag):
    assert evaluate(aws, template, "us-east-1", InstanceType=instance, InstancePrice="1")["Transform"].endswith(
        f":{tag}"
    )


@pytest.mark.parametrize(
    ("region", "parameters", "rule"),
    [
        ("eu-somewhere-9", {}, "RegionIsKnown"),
        ("ap-southeast-5", {"TrainingImage": "none"}, "TransformImageExists"),
        ("eu-central-2", {}, "TrainingImageExists"),
        ("us-iso-east-1", {}, "ProcessingImageExists"),
        ("us-east-1", {"InstanceType": "ml.inf2.xlarge"}, "TransformImageFits"),
        ("us-east-1", {"InstanceType": "ml.p2.xlarge"}, "TransformImageFits"),
        ("ap-northeast-3", {"MonthlyBudget": "100"}, "BudgetsExist"),
        ("us-gov-west-1", {"MonthlyBudget": "100"}, "BudgetsExist"),
        ("us-east-1", {"JobSubnets": "subnet-1"}, "SubnetsNeedGroups"),
    ],
)
def test_a_deploy_that_could_not_work_is_refused(aws, template, region, parameters, rule):
    description = template["Rules"][rule]["Assertions"][0]["AssertDescription"]
    with expect_error("ValidationError", re.escape(description)):
        evaluate(aws, template, region, **parameters)


@pytest.mark.parametrize("region", ["ap-southeast-5", "us-iso-east-1"])
def test_images_of_ones_own_need_none_of_aws(aws, template, region):
    assert evaluate(aws, template, region, InstanceType="ml.inf2.xlarge", InstancePrice="1", **OWN) == {
        kind: OWN[f"{kind}Image"] for kind in KINDS
    }


def test_a_type_that_sagemaker_does_not_have_is_refused(aws, template):
    with expect_error("ValidationError", "InstanceType"):
        evaluate(aws, template, "us-east-1", InstanceType="ml.x9.large")


def test_every_type_and_region_of_the_template_has_an_image_or_a_rule(template):
    """No value may reach SageMaker as an image of the account or with the tag `none`."""
    rules, mapped = template["Rules"], template["Mappings"]
    columns = {"Inference": "Transform", "Training": "Training", "Processing": "Processing"}
    for column, kind in columns.items():
        absent = {region for region, accounts in mapped["Registries"].items() if accounts[column] == "none"}
        (regions, _) = rules[f"{kind}ImageExists"]["RuleCondition"]["Fn::Contains"]
        assert absent == set(regions)
    (known, _) = rules["RegionIsKnown"]["Assertions"][0]["Assert"]["Fn::Contains"]
    assert set(known) == set(mapped["Registries"])
    unfit = {name for name, image in mapped["TransformImages"].items() if image["Tag"] == "none"}
    assert unfit == set(rules["TransformImageFits"]["RuleCondition"]["Fn::Contains"][0])
    assert set(template["Parameters"]["InstanceType"]["AllowedValues"]) == set(mapped["TransformImages"])


def test_instance_types_are_those_of_botocore(template):
    """If it fails after an update of the lock: `make sdk3`, then python -m tools.availability."""
    assert list(template["Mappings"]["TransformImages"]) == availability.transform_types()


@pytest.mark.long
def test_regions_without_budgets_are_those_of_cfn_lint(template):
    """As above. cfn-lint needs seconds to read its schemas of all regions."""
    regions = template["Rules"]["BudgetsExist"]["RuleCondition"]["Fn::Contains"][0]
    assert regions == availability.regions_without_budgets()


@pytest.mark.long
@pytest.mark.skipif(
    not availability.SDK.is_dir(), reason="SageMaker's SDK v3 is not installed; `make sdk3` installs it"
)
def test_the_template_is_what_the_sdk_lists(text):
    (sources,) = re.findall(r"^# (Of \d{4}-\d\d-\d\d, from sagemaker-core .*)$", text, re.M)
    assert availability.write(text, availability.SDK, sources) == text


def test_a_template_without_the_comments_is_not_written():
    with pytest.raises(ValueError, match="0 blocks types"):
        availability.replace("Parameters:\n", "types", "")
