"""The SageMaker SDK v2 as oracle of what its libraries are told: kept as a golden file, and asked where it is."""

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
ACCEPTED = [name for name, one in CASES.items() if "hyperparameters" in one]
REFUSED = [name for name, one in CASES.items() if "error" in one]


def test_there_are_cases_of_both_kinds():
    assert len(ACCEPTED) >= 12
    assert len(REFUSED) >= 8


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name != "v1, not enabled"])
def test_with_the_library_the_toolkit_is_told_what_the_sdk_tells_it(name):
    """Of ddp, the SDK has a launcher of its own; torchrun takes its place, since today's toolkit prefers it."""
    case = CASES[name]
    found, fates = Distribution.from_table(case["distribution"], image_has_smp=True, instance=case["instance"])
    expected = case["hyperparameters"]
    if name == "ddp":
        expected = CASES["torchrun"]["hyperparameters"] | {"sagemaker_instance_type": f'"{case["instance"]}"'}
    assert found.launcher() == expected
    assert expected.items() <= found.hyperparameters().items()
    parameters = case["distribution"].get("smdistributed", {}).get("modelparallel", {}).get("parameters", {})
    assert [fate.becomes for fate in fates if "modelparallel" in fate.field] == ["the same"] * len(parameters)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_sdk_refuses_is_refused(name):
    case = CASES[name]
    with pytest.raises(DistributionRefusedError):
        Distribution.from_table(case["distribution"], image_has_smp=True, instance=case["instance"])


def test_a_library_that_is_not_enabled_starts_nothing():
    """The SDK would start MPI for nothing."""
    case = CASES["v1, not enabled"]
    found, _ = Distribution.from_table(case["distribution"], image_has_smp=True, instance=case["instance"])
    assert (found.profile, found.launcher()) == ("single", {})


@pytest.mark.skipif(not SDK.exists(), reason="SageMaker's SDK v2 is not here: make sdk2")
def test_the_golden_file_is_what_the_sdk_says():
    done = subprocess.run(
        [str(SDK), "-W", "ignore", str(HERE / "sdk2_distribution.py")], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["cases"] == CASES
