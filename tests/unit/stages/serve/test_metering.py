"""What the instances of endpoints cost is added up by the hour, from look to look."""

import pytest
from seqdrop import clock
from seqdrop.aws.prices import PRICES
from seqdrop.stages.hourly_spend import ENDPOINTS, sum_recorded

from tests.unit.stages.serve.conftest import NAME

HOUR = 3600
PRICE = PRICES["ml.m5.xlarge"]


def dollars(lab) -> float:
    return sum_recorded(lab.services, clock.utc_now())


def look(lab, hours: float) -> None:
    for _ in range(round(hours * 12)):
        lab.account.cloudwatch.points[("Invocations", NAME)] = [(lab.clock.now, 1.0)]
        lab.clock.advance(299)
        lab.run()


def test_an_instance_costs_its_hours(lab):
    lab.start()
    before = dollars(lab)
    look(lab, 3)
    assert dollars(lab) - before == pytest.approx(3 * PRICE, abs=0.001)


def test_only_the_last_24_hours_count(lab):
    """The first of them counts as a whole."""
    lab.start()
    look(lab, 30)
    assert 24 * PRICE <= dollars(lab) + 0.001 < 25.1 * PRICE


def test_a_deleted_endpoint_costs_nothing_more(lab):
    lab.start()
    look(lab, 1)
    lab.run({"order": "stop", "endpoints": [NAME], "by": "arn:ada"})
    lab.end_change()
    lab.run()
    before = dollars(lab)
    look(lab, 2)
    assert dollars(lab) == before > PRICE
    look(lab, 24)
    assert dollars(lab) == 0


def test_a_stack_without_endpoints_writes_nothing(lab):
    look(lab, 1)
    assert lab.services.ledger.position(ENDPOINTS).place == {}


def test_of_two_looks_at_a_time_one_counts(lab, monkeypatch):
    lab.start()
    look(lab, 1)
    before = dollars(lab)
    monkeypatch.setattr(type(lab.services.ledger), "save", lambda *_: False)
    look(lab, 1)
    assert dollars(lab) == before
