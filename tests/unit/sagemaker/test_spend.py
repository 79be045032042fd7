"""What a job may cost: bounds of trainings, estimates and limits of transform jobs."""

import pytest
from seqdrop.errors import JobRefusedError, SpendRefusedError
from seqdrop.sagemaker.spend import START, Estimate, Fleet, TransformCeilings, bound_training

CEILINGS = TransformCeilings(24, 50)


def test_the_full_dnabert_with_ten_million_windows_is_refused():
    """P2-8: 958 hours of an ml.m5.xlarge at 2.9 sequences a second, 220 dollars."""
    estimate = Estimate(10_000_000, 2.9, Fleet("ml.m5.xlarge"))
    assert (round(estimate.hours), round(estimate.dollars)) == (958, 220)
    with pytest.raises(SpendRefusedError, match=r"about 957.9 hours and \$220.33 .*24 hours \(JobHours\)"):
        CEILINGS.check(estimate)


@pytest.mark.parametrize(
    ("windows", "fleet", "is_allowed"),
    [
        (10_000_000, Fleet("ml.m5.xlarge"), True),  # 9.3 hours, 2.1 dollars
        (10_000_000, Fleet("ml.p4d.24xlarge"), False),  # as long, 235 dollars
        (30_000_000, Fleet("ml.m5.xlarge"), False),  # 27.9 hours
        (30_000_000, Fleet("ml.m5.xlarge", 2), True),
        (10_000_000, Fleet("ml.m5.xlarge", price=10.0), False),
    ],
)
def test_time_and_dollars_have_a_ceiling_each(windows, fleet, is_allowed):
    estimate = Estimate(windows, 300, fleet)
    if is_allowed:
        CEILINGS.check(estimate)
        return
    with pytest.raises(SpendRefusedError):
        CEILINGS.check(estimate)


def test_more_instances_are_faster_and_cost_the_same_but_for_their_start():
    single, ten = (Estimate(10_000_000, 300, Fleet("ml.m5.xlarge", count)) for count in (1, 10))
    assert ten.hours < single.hours / 5
    assert ten.dollars - single.dollars == pytest.approx(9 * START / 3600 * 0.23)


def test_a_job_is_stopped_at_its_hours_or_at_its_dollars():
    assert CEILINGS.count_hours(Fleet("ml.m5.xlarge", 9)) == 24
    assert "24 hours (stack parameter JobHours)" in CEILINGS.name_limit(Fleet("ml.m5.xlarge", 9))
    dear = Fleet("ml.g5.12xlarge", 2)
    assert CEILINGS.count_hours(dear) * dear.hourly == pytest.approx(50)
    assert "$50 (stack parameter TransformBudget; 2 × ml.g5.12xlarge" in CEILINGS.name_limit(dear)


def test_without_a_price_there_is_no_estimate_but_an_end():
    unknown = Fleet("ml.x9.large")
    with pytest.raises(JobRefusedError, match="stack parameter InstancePrice"):
        Estimate(1, 1, unknown).dollars  # noqa: B018
    assert CEILINGS.count_hours(unknown) == 24
    assert CEILINGS.count_hours(Fleet("ml.x9.large", price=5)) == 10


def test_a_training_is_bounded_by_its_time_hosts_and_price():
    request = {
        "ResourceConfig": {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 64},
        "StoppingCondition": {"MaxRuntimeInSeconds": 432_000},
    }
    assert bound_training(request) == pytest.approx(486_144)
    request["ResourceConfig"]["InstanceType"] = "ml.x9.large"
    with pytest.raises(JobRefusedError, match="price of ml.x9.large is not known"):
        bound_training(request)
