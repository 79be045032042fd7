"""Whatever a job.toml says, its training cannot cost more than the stack allows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import DistributionRefusedError, InvalidFileError, JobRefusedError, PlanRefusedError
from seqdrop.models.archives import ModelArchive
from seqdrop.models.code_bundles import Program
from seqdrop.sagemaker.requests.training import Inputs, training_request
from seqdrop.sagemaker.spend import bound_training
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.jobfile import JobFile, parse
from seqdrop.training.plan.instances import INSTANCES
from seqdrop.training.plan.limits import GRACE, Ceilings
from seqdrop.training.plan.sizing import size_training
from seqdrop.training.request import Order

from tests.support import services

DEFAULT = Ceilings(50, 24, ("ml.m5.*", "ml.c5.*", "ml.c7i.*", "ml.g4dn.*", "ml.g5.*", "ml.g6e.*"))
WIDE = Ceilings(100, 120)
PROTT5 = """model = "prott5"
weights = "w"
budget_usd = {budget}
[data]
format = "csv"
file = "a.csv"
[train]
epochs = 1
[instance]
type = "{instance}"
max_hours = {hours}
spot = {spot}
[distribution]
profile = "{profile}"
activation_checkpointing = true
hosts = {hosts}
"""


def write(instance="ml.p4d.24xlarge", hours=120, budget=50, hosts=1, spot="false", profile="fsdp") -> JobFile:
    text = PROTT5.format(instance=instance, hours=hours, budget=budget, hosts=hosts, spot=spot, profile=profile)
    return parse(text.encode())


def request_of(job: JobFile, residues: int, ceilings: Ceilings) -> dict:
    """Return the request that SageMaker gets. Raise PlanRefusedError or DistributionRefusedError."""
    counts = {split: {"records": 1, "letters": residues, "classes": {}} for split in ("train", "validation", "test")}
    order = Order("x", job, {"a.csv": "B" * 26}, "training/ab/data/", Prepared("d", "t", counts))
    size = size_training(job, residues, smp=False, ceilings=ceilings)
    program = Program("training/protein/cd/", "cd")
    inputs = Inputs(program, ModelArchive("w", "models/w/ab/model.tar.gz", "ab"), "s3://work/checkpoints/x/", "A" * 26)
    role = replace(services.settings(), training_role="arn:aws:iam::123456789012:role/training")
    return training_request(role, "seqdrop-training-x", order, size, inputs)


def test_the_120_hours_of_a_p4d_with_a_budget_of_50_dollars_cost_at_most_50_dollars():
    request = request_of(write(), 1_000_000, WIDE)
    assert request["ResourceConfig"]["InstanceType"] == "ml.p4d.24xlarge"
    assert request["StoppingCondition"]["MaxRuntimeInSeconds"] < 2 * 3600
    assert 48 < bound_training(request) <= 50


def test_a_p4d_is_refused_by_the_default_of_the_stack():
    with pytest.raises(PlanRefusedError, match="this stack allows only .*TrainingInstances"):
        request_of(write(), 1_000_000, replace(DEFAULT, hours=120))


def test_64_hosts_of_p5_are_refused():
    job = write("ml.p5.48xlarge", budget=1_000_000, hosts=64)
    with pytest.raises(PlanRefusedError, match="at most 50 US dollars .* parameter TrainingBudget"):
        request_of(job, 1_000_000, DEFAULT)
    with pytest.raises(PlanRefusedError, match="TrainingInstances"):
        request_of(write("ml.p5.48xlarge", 12, hosts=64), 1_000_000, DEFAULT)
    with pytest.raises(PlanRefusedError, match=r"about \$[\d,.]+ at the price on demand, but budget_usd is 50"):
        request_of(write("ml.p5.48xlarge", 12, hosts=64), 1_000_000, WIDE)


def test_more_hours_than_the_stack_allows_are_refused():
    with pytest.raises(PlanRefusedError, match="instance.max_hours is 120, but this stack allows at most 24 hours"):
        request_of(write("ml.g5.12xlarge"), 1_000_000, DEFAULT)


def test_a_default_of_job_toml_asks_for_nothing():
    """job.toml without budget and hours is accepted by a stack whose ceilings are below its defaults."""
    job = parse(b'model = "cnn"\n[data]\nformat = "csv"\nfile = "a.csv"\n[instance]\ntype = "ml.m5.xlarge"\n')
    sizing = size_training(job, 100_000, smp=False, ceilings=Ceilings(0.5, 2))
    assert sizing.seconds == 2 * 3600
    assert size_training(job, 100_000, smp=False, ceilings=Ceilings(0.23, 2)).seconds == 3600 - GRACE
    with pytest.raises(PlanRefusedError, match="but the stack's parameter TrainingBudget is 0.01"):
        size_training(job, 100_000, smp=False, ceilings=Ceilings(0.01, 2))
    with pytest.raises(PlanRefusedError, match="but the stack's parameter TrainingHours is 1"):
        size_training(job, 100_000_000, smp=False, ceilings=Ceilings(50, 1))


def test_the_machine_is_chosen_among_those_that_the_stack_allows():
    job = write("", 12)
    assert size_training(job, 1_000_000, False).plan.instance.name == "ml.g5.12xlarge"
    only = Ceilings(50, 24, ("ml.g6e.*", "ml.m5.*"))
    assert size_training(job, 1_000_000, False, ceilings=only).plan.instance.name.startswith("ml.g6e.")
    with pytest.raises(PlanRefusedError, match="this stack allows only ml.m5.\\*") as raised:
        size_training(job, 1_000_000, False, ceilings=Ceilings(50, 24, ("ml.m5.*",)))
    assert not [line for line in raised.value.advice if "ml.g" in line], "advice that the stack would refuse"


def test_spot_counts_at_the_price_on_demand():
    """A spot instance may cost as much, and the request cannot bound its price."""
    on_demand, spot = (
        request_of(write("ml.g5.12xlarge", 12, 50, 1, word), 500_000, DEFAULT) for word in ("false", "true")
    )
    assert on_demand["StoppingCondition"]["MaxRuntimeInSeconds"] == spot["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert spot["StoppingCondition"]["MaxWaitTimeInSeconds"] >= spot["StoppingCondition"]["MaxRuntimeInSeconds"]


def test_the_plan_that_the_lab_reads_says_what_the_training_costs_at_most():
    content = size_training(write("ml.g5.12xlarge", 12), 1_000_000, False, ceilings=DEFAULT).as_dict()
    assert content["max_dollars"] == pytest.approx(50, abs=0.01)
    assert content["max_seconds"] == int(50 / 7.09 * 3600 - GRACE)


@given(
    st.fixed_dictionaries(
        {
            "instance": st.sampled_from([*INSTANCES, ""]),
            "hours": st.floats(0.1, 120).map(lambda value: round(value, 2)),
            "budget": st.sampled_from([0, 7.5, 49.99, 50.0, 99, 5000, 1_000_000]),
            "hosts": st.sampled_from([1, 2, 8, 64]),
            "spot": st.sampled_from(["true", "false"]),
            "profile": st.sampled_from(["single", "ddp", "fsdp", "lora"]),
        }
    ),
    st.integers(1, 10**7),
    st.sampled_from([DEFAULT, WIDE, Ceilings(5, 1), Ceilings(100_000, 120)]),
)
def test_no_job_toml_costs_more_than_its_budget_and_the_ceiling(settings, residues, ceilings):
    try:
        request = request_of(write(**settings), residues, ceilings)
    except (InvalidFileError, PlanRefusedError, DistributionRefusedError, JobRefusedError):
        return
    seconds = request["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert 0 < seconds <= min(settings["hours"], ceilings.hours) * 3600
    longer = {**request, "StoppingCondition": {"MaxRuntimeInSeconds": seconds + GRACE}}
    assert bound_training(longer) <= min(settings["budget"], ceilings.budget_usd)
    assert ceilings.allows(request["ResourceConfig"]["InstanceType"])
