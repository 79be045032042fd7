"""Plans: the golden table, the choice of an instance, refusals with advice, hours and dollars."""

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
from seqdrop.aws.prices import AS_OF, PRICES
from seqdrop.errors import DistributionRefusedError, PlanRefusedError
from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.distribution.profiles import PROFILES
from seqdrop.training.plan.activations import Work
from seqdrop.training.plan.cost import count_operations
from seqdrop.training.plan.instances import INSTANCES, SPOT_HIGH, SPOT_LOW
from seqdrop.training.plan.search import Job, Limits, find_plan
from seqdrop.training.plan.shapes import SHAPES

from tests.unit.training.plan import plans

FSDP = Distribution("fsdp", True)


def make_plan(model="prott5", distribution=FSDP, instance="ml.g5.12xlarge", price=None, **changes):
    limits = Limits(changes.pop("budget_usd", None), changes.pop("max_hours", None))
    values = {"head": "linear", "tokens_per_batch": 6000, "max_length": 1024, "residues_total": 2_500_000, "epochs": 10}
    job = Job(model=model, task="ss3", **values | changes)
    return find_plan(job, distribution, instance, limits, price)


def refusal(*args, **changes) -> PlanRefusedError:
    with pytest.raises(PlanRefusedError) as raised:
        make_plan(*args, **changes)
    assert not raised.value.retryable
    return raised.value


def test_the_golden_table():
    """After an intended change: python -m tests.unit.training.plan.plans."""
    assert plans.table() == json.loads(plans.GOLDEN.read_text())


def test_the_golden_table_has_the_facts_that_labs_need():
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
    assert set(INSTANCES) <= set(PRICES)
    assert date(2026, 1, 1) < AS_OF


def test_a_plan_that_does_not_fit_is_refused_with_advice():
    error = refusal(distribution=Distribution("ddp"))
    assert "each GPU (A10G) needs 77.1 GiB and has 22.5 GiB" in error.reason
    assert len(error.advice) == 3
    assert any("profile = 'fsdp' with activation_checkpointing" in line for line in error.advice)
    assert str(error).endswith("; ".join(error.advice))


@pytest.mark.parametrize(
    "distribution", [Distribution("ddp"), Distribution(), Distribution("fsdp"), Distribution("lora")]
)
def test_advice_is_sound(distribution):
    """Each profile and instance in the advice fits."""
    for line in refusal(distribution=distribution).advice:
        if line.startswith("profile = "):
            assert make_plan(distribution=Distribution(line.split("'")[1], True)).fits
        if line.startswith("instance.type = "):
            assert make_plan(distribution=distribution, instance=line.split("'")[1]).fits


def test_a_plan_above_the_budget_is_refused():
    plan = make_plan()
    assert "budget_usd is 1" in refusal(budget_usd=1.0).reason
    assert make_plan(budget_usd=plan.dollars + 0.01).dollars == plan.dollars


def test_a_plan_longer_than_max_hours_is_refused():
    assert "instance.max_hours is 0.5" in refusal(max_hours=0.5).reason


def test_spot_is_cheaper_but_counts_at_the_price_on_demand():
    """The budget bounds what the job may cost, and a spot instance may cost as much as one on demand."""
    plan = make_plan()
    assert "at the price on demand" in refusal(spot=True, budget_usd=plan.dollars * 0.99).reason
    spot = make_plan(spot=True, budget_usd=plan.dollars + 0.01)
    assert spot.dollars == pytest.approx(plan.dollars * SPOT_HIGH)
    assert spot.cost.dollars_low == pytest.approx(plan.dollars * SPOT_LOW)


def test_advice_for_the_same_instance_uses_the_given_price():
    error = refusal(price=1000.0, budget_usd=500.0)
    assert error.advice
    assert all(line.startswith("instance.type = ") for line in error.advice)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_cheapest_fitting_instance_is_chosen_if_none_is_named(profile):
    chosen = make_plan(distribution=Distribution(profile, True), instance="")
    assert chosen.fits
    for name in INSTANCES:
        try:
            other = make_plan(distribution=Distribution(profile, True), instance=name)
        except (PlanRefusedError, DistributionRefusedError):
            continue
        alone = profile == "single"
        if (INSTANCES[name].gpus > 1) != alone:
            assert chosen.dollars <= other.dollars


def test_no_instance_is_suitable():
    error = refusal("prott5_full", Distribution(), "")
    assert error.reason.startswith("no instance is suitable. ProtT5-XL, encoder and decoder on")
    assert any("profile = 'fsdp' with activation_checkpointing (ml." in line for line in error.advice)
    assert refusal("prott5_full", Distribution(), "", tokens_per_batch=10**6, max_length=10**5).advice == ()


def test_a_cnn_runs_on_a_processor():
    alone = make_plan("cnn", Distribution(), "ml.m5.xlarge", budget_usd=5)
    assert (alone.fits, alone.processes) == (True, 1)
    shared = make_plan("cnn", Distribution("fsdp", True, processes_per_host=2), "ml.c7i.xlarge")
    assert (shared.fits, shared.processes) == (True, 2)
    assert make_plan("cnn", Distribution(), "").instance.name in PRICES


def test_the_estimate_for_the_seed_on_two_cores_is_near_the_measured_time():
    """Measured: 9 minutes for 2 epochs of 2.4 million residues on two vCPUs. The estimate may be off twofold."""
    four = make_plan("cnn", Distribution(), "ml.m5.xlarge", epochs=2, residues_total=2_400_000)
    minutes_on_two = (four.hours - 0.15) * 60 * 2
    assert 9 / 2 < minutes_on_two < 9 * 2


def test_operations_of_a_token():
    """6 operations per parameter, and a third more with checkpointing. LoRA computes no gradients of weights."""
    shape, work = SHAPES["protbert"], Work(6000, 10, 1)
    whole = count_operations(shape, Distribution(), work)
    assert whole == pytest.approx(6 * shape.products, rel=0.01)
    assert count_operations(shape, Distribution("single", True), work) == pytest.approx(whole * 4 / 3)
    assert count_operations(shape, Distribution("lora"), work) == pytest.approx(4 * shape.products, rel=0.01)
    assert count_operations(shape, Distribution(), Work(6000, 10, 1, frozen=True)) == pytest.approx(whole / 3)


def test_a_price_replaces_that_of_the_table():
    assert make_plan(price=100.0).dollars == pytest.approx(make_plan().hours * 100)
    assert make_plan(distribution=Distribution("fsdp", True, hosts=2)).cost.price == 2 * PRICES["ml.g5.12xlarge"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "esm2"}, "model is 'esm2'; there are plans for prott5"),
        ({"instance": "ml.p2.xlarge"}, "instance.type is 'ml.p2.xlarge'; there are plans for"),
        ({"model": "dnabert", "distribution": Distribution(), "max_length": 600}, "DNABERT-6 takes at most 510"),
    ],
)
def test_an_unknown_model_instance_or_length_is_refused(changes, message):
    assert message in refusal(**changes).reason


def test_a_gpu_without_bf16_computes_in_fp32_never_fp16():
    plan = make_plan("protbert", Distribution("single", True), "ml.g4dn.xlarge", tokens_per_batch=1024)
    assert "weights in bf16" not in {line.name for line in plan.memory.lines}
    assert plan.cost.tokens_per_second < make_plan("protbert", Distribution("single", True)).cost.tokens_per_second / 3


@given(
    model=st.sampled_from(sorted(SHAPES)),
    instance=st.sampled_from(sorted(INSTANCES)),
    profile=st.sampled_from(PROFILES),
    checkpointing=st.booleans(),
    tokens=st.integers(64, 50_000),
    length=st.integers(16, 510),
)
def test_plans_fit_and_more_tokens_never_need_less_memory(model, instance, profile, checkpointing, tokens, length):
    def total(tokens):
        changes = {"tokens_per_batch": tokens, "max_length": length}
        return make_plan(model, Distribution(profile, checkpointing), instance, **changes)

    try:
        more = total(2 * tokens)
        less = total(tokens)
    except (PlanRefusedError, DistributionRefusedError):
        return
    assert less.memory.total <= more.memory.total <= more.available
    assert less.dollars > 0
    json.dumps(more.as_dict())


def test_planning_imports_nothing_that_a_lambda_lacks():
    missing = ("torch", "transformers", "numpy", "boto3", "botocore", "pyarrow", "isal", "sagemaker")
    code = f"import sys\nfor name in {missing}: sys.modules[name] = None\nimport seqdrop.training.plan.search"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_modules_of_planning_read_no_clock_and_no_environment():
    folders = {"distribution": ("distribution", "smdistributed", "smp_rules", "launch", "field_translation")}
    folders["plan"] = ("memory", "cost", "plan", "search", "instances")
    for name in (f"{folder}/{module}" for folder, modules in folders.items() for module in modules):
        tree = ast.parse((Path(training.__file__).parent / f"{name}.py").read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert imported.isdisjoint({"os", "time"}), name
