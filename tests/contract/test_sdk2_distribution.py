"""Hyperparameters compared with those of the SageMaker SDK v2: a golden file, and the SDK where it is installed."""

import json
import subprocess
from pathlib import Path

import pytest
from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.distribution import Distribution

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden" / "sdk2_distribution.json").read_text())
CASES = GOLDEN["cases"]
SDK = HERE.parents[1] / ".venv-sdk2" / "bin" / "python"
ACCEPTED = [name for name, case in CASES.items() if "hyperparameters" in case]
REFUSED = [name for name, case in CASES.items() if "error" in case]


def test_there_are_cases_of_both_kinds():
    assert len(ACCEPTED) >= 12
    assert len(REFUSED) >= 8


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name != "v1, not enabled"])
def test_with_the_library_the_hyperparameters_are_those_of_the_sdk(name):
    """For ddp the SDK has its own launcher; torchrun replaces it, because the current toolkit prefers torchrun."""
    case = CASES[name]
    plan, translations = Distribution.from_table(case["distribution"], image_has_smp=True, instance=case["instance"])
    expected = case["hyperparameters"]
    if name == "ddp":
        expected = CASES["torchrun"]["hyperparameters"] | {"sagemaker_instance_type": f'"{case["instance"]}"'}
    assert plan.launcher() == expected
    assert expected.items() <= plan.hyperparameters().items()
    parameters = case["distribution"].get("smdistributed", {}).get("modelparallel", {}).get("parameters", {})
    assert [item.becomes for item in translations if "modelparallel" in item.field] == ["the same"] * len(parameters)


@pytest.mark.parametrize("name", REFUSED)
def test_distributions_that_the_sdk_refuses_are_refused(name):
    case = CASES[name]
    with pytest.raises(DistributionRefusedError):
        Distribution.from_table(case["distribution"], image_has_smp=True, instance=case["instance"])


def test_a_library_that_is_not_enabled_starts_nothing():
    """The SDK would start MPI, which is not needed."""
    case = CASES["v1, not enabled"]
    plan, _ = Distribution.from_table(case["distribution"], image_has_smp=True, instance=case["instance"])
    assert (plan.profile, plan.launcher()) == ("single", {})


@pytest.mark.skipif(not SDK.exists(), reason="SageMaker's SDK v2 is not installed; `make sdk2` installs it")
def test_the_golden_file_is_that_of_the_sdk():
    process = subprocess.run(
        [str(SDK), "-W", "ignore", str(HERE / "sdk2_distribution.py")], capture_output=True, text=True, check=True
    )
    assert json.loads(process.stdout)["cases"] == CASES
