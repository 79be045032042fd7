"""Plans: the golden table, the choice of an instance, refusals and their advice, hours and dollars."""

import ast
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st
from seqdrop import training
from seqdrop.errors import DistributionRefusedError, PlanRefusedError
from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.distribution.profiles import PROFILES
from seqdrop.training.plan.activations import Work
from seqdrop.training.plan.cost import operations
from seqdrop.training.plan.instances import AS_OF, INSTANCES, PRICES, SPOT_HIGH, SPOT_LOW
from seqdrop.training.plan.search import plan
from seqdrop.training.plan.shapes import SHAPES

from tests.unit.training.plan import plans

FSDP = Distribution("fsdp", True)


def planned(model="prott5", spread=FSDP, instance="ml.g5.12xlarge", **named):
    given = {"tokens_per_batch": 6000, "max_length": 1024, "residues_total": 2_500_000, "epochs": 10} | named
    return plan(model, given.pop("head", "linear"), "ss3", spread, instance, **given)


def refused(*args, **named) -> PlanRefusedError:
    with pytest.raises(PlanRefusedError) as caught:
        planned(*args, **named)
    assert not caught.value.retryable
    return caught.value


def test_the_golden_table():
    """Where it changes on purpose: python -m tests.unit.training.plan.plans."""
    assert plans.table() == json.loads(plans.GOLDEN.read_text())


def test_the_golden_table_says_what_labs_need_to_know():
    table = json.loads(plans.GOLDEN.read_text())
    assert {len(places) for places in table.values()} == {5}
    g5 = table["prott5"]["ml.g5.12xlarge"]
    assert g5["single + checkpointing"].startswith("too much")
    assert g5["fsdp + checkpointing"].startswith("fits")
    assert table["prott5_full"]["ml.p4d.24xlarge"]["ddp + checkpointing"].startswith("too much")
    assert table["protbert"]["ml.g5.12xlarge"]["single"].startswith("fits")


def test_instances_are_sagemakers_and_have_prices():
    model = Loader().load_service_model("sagemaker", "service-2")
    assert set(INSTANCES) <= set(model["shapes"]["TrainingInstanceType"]["enum"])
    assert set(PRICES) == set(INSTANCES)
    assert date(2026, 1, 1) < AS_OF


def test_what_does_not_fit_is_refused_with_what_would():
    error = refused(spread=Distribution("ddp"))
    assert "77.1 GiB are needed on each GPU (A10G), which has 22.5 GiB" in error.reason
    assert len(error.advice) == 3
    assert any("profile = 'fsdp' with activation_checkpointing" in one for one in error.advice)
    assert str(error).endswith("; ".join(error.advice))


@pytest.mark.parametrize("spread", [Distribution("ddp"), Distribution(), Distribution("fsdp"), Distribution("lora")])
def test_advice_is_sound(spread):
    """Each profile that is named would do."""
    for one in refused(spread=spread).advice:
        if one.startswith("profile = "):
            better = Distribution(one.split("'")[1], True)
            assert planned(spread=better).fits
        if one.startswith("instance.type = "):
            assert planned(spread=spread, instance=one.split("'")[1]).fits


def test_what_costs_more_than_the_budget_is_refused():
    found = planned()
    assert "budget_usd is 1" in refused(budget_usd=1.0).reason
    assert planned(budget_usd=found.dollars + 0.01).dollars == found.dollars


def test_what_would_be_stopped_before_its_end_is_refused():
    assert "instance.max_hours is 0.5" in refused(max_hours=0.5).reason


def test_spot_may_be_what_makes_it_cheap_enough():
    found = planned()
    error = refused(budget_usd=found.dollars * 0.8)
    assert any(one.startswith("instance.spot = true") for one in error.advice)
    spot = planned(spot=True, budget_usd=found.dollars * 0.8)
    assert spot.dollars == pytest.approx(found.dollars * SPOT_HIGH)
    assert spot.cost.dollars_low == pytest.approx(found.dollars * SPOT_LOW)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_cheapest_that_fits_is_chosen_where_none_is_named(profile):
    chosen = planned(spread=Distribution(profile, True), instance="")
    assert chosen.fits
    for name in INSTANCES:
        try:
            other = planned(spread=Distribution(profile, True), instance=name)
        except (PlanRefusedError, DistributionRefusedError):
            continue
        alone = profile == "single"
        if (INSTANCES[name].gpus > 1) != alone:
            assert chosen.dollars <= other.dollars


def test_no_instance_will_do():
    error = refused("prott5_full", Distribution(), "")
    assert error.reason.startswith("no instance will do. ProtT5-XL, encoder and decoder on")
    assert any("profile = 'fsdp' with activation_checkpointing (ml." in one for one in error.advice)
    assert refused("prott5_full", Distribution(), "", tokens_per_batch=10**6, max_length=10**5).advice == ()


def test_a_cnn_runs_on_a_processor():
    alone = planned("cnn", Distribution(), "ml.m5.xlarge", budget_usd=5)
    assert (alone.fits, alone.processes) == (True, 1)
    shared = planned("cnn", Distribution("fsdp", True, processes_per_host=2), "ml.c7i.xlarge")
    assert (shared.fits, shared.processes) == (True, 2)
    assert planned("cnn", Distribution(), "").instance.name in PRICES


def test_the_seed_on_two_cores_takes_about_as_long_as_was_seen():
    """9 minutes for 2 epochs of 2.4 million residues: within a factor of two of two vCPUs."""
    four = planned("cnn", Distribution(), "ml.m5.xlarge", epochs=2, residues_total=2_400_000)
    minutes_on_two = (four.hours - 0.15) * 60 * 2
    assert 9 / 2 < minutes_on_two < 9 * 2


def test_operations_of_a_token():
    """6 a parameter and token, and a third more with checkpointing; LoRA has no gradients of weights."""
    shape, work = SHAPES["protbert"], Work(6000, 10, 1)
    whole = operations(shape, Distribution(), work)
    assert whole == pytest.approx(6 * shape.products, rel=0.01)
    assert operations(shape, Distribution("single", True), work) == pytest.approx(whole * 4 / 3)
    assert operations(shape, Distribution("lora"), work) == pytest.approx(4 * shape.products, rel=0.01)
    assert operations(shape, Distribution(), Work(6000, 10, 1, frozen=True)) == pytest.approx(whole / 3)


def test_another_price():
    assert planned(price=100.0).dollars == pytest.approx(planned().hours * 100)
    assert planned(spread=Distribution("fsdp", True, hosts=2)).cost.price == 2 * PRICES["ml.g5.12xlarge"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"model": "esm2"}, "model is 'esm2'; there are plans for prott5"),
        ({"instance": "ml.p2.xlarge"}, "instance.type is 'ml.p2.xlarge'; there are plans for"),
        ({"model": "dnabert", "spread": Distribution(), "max_length": 600}, "DNABERT-6 takes 510"),
    ],
)
def test_what_there_is_no_plan_for(named, said):
    assert said in refused(**named).reason


def test_a_gpu_without_bf16_computes_in_fp32_never_fp16():
    found = planned("protbert", Distribution("single", True), "ml.g4dn.xlarge", tokens_per_batch=1024)
    assert "weights in bf16" not in {line.name for line in found.memory.lines}
    assert found.cost.tokens_per_second < planned("protbert", Distribution("single", True)).cost.tokens_per_second / 3


@given(
    model=st.sampled_from(sorted(SHAPES)),
    instance=st.sampled_from(sorted(INSTANCES)),
    profile=st.sampled_from(PROFILES),
    checkpointing=st.booleans(),
    tokens=st.integers(64, 50_000),
    length=st.integers(16, 510),
)
def test_a_plan_that_is_made_fits_and_more_tokens_never_need_less(
    model, instance, profile, checkpointing, tokens, length
):
    def total(tokens):
        named = {"tokens_per_batch": tokens, "max_length": length}
        return planned(model, Distribution(profile, checkpointing), instance, **named)

    try:
        more = total(2 * tokens)
        less = total(tokens)
    except (PlanRefusedError, DistributionRefusedError):
        return
    assert less.memory.total <= more.memory.total <= more.room
    assert less.dollars > 0
    json.dumps(more.as_dict())


def test_planning_needs_nothing_that_a_lambda_lacks():
    lacking = ("torch", "transformers", "numpy", "boto3", "botocore", "pyarrow", "isal", "sagemaker")
    code = f"import sys\nfor name in {lacking}: sys.modules[name] = None\nimport seqdrop.training.plan.search"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_modules_of_planning_read_no_clock_and_no_environment():
    rooms = {"distribution": ("distribution", "smdistributed", "smp_rules", "launch", "field_translation")}
    rooms["plan"] = ("memory", "cost", "plan", "search", "instances")
    for name in (f"{room}/{module}" for room, modules in rooms.items() for module in modules):
        tree = ast.parse((Path(training.__file__).parent / f"{name}.py").read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert imported.isdisjoint({"os", "time"}), name
