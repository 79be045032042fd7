"""The costs of a run's archive, computed by hand."""

from __future__ import annotations

import pytest
from seqdrop.stages.runs.costs import estimate_archive


def test_two_objects_of_a_terabyte_in_all():
    costs = estimate_archive([(400_000_000_000, "DEEP_ARCHIVE"), (600_000_000_000, "DEEP_ARCHIVE")])
    overhead = 2 * 32_768 / 1e9 * 0.00099 + 2 * 8_192 / 1e9 * 0.023
    assert costs["usd_month"] == pytest.approx(0.99 + overhead, abs=1e-6)
    assert costs["usd_least"] == pytest.approx(6 * (0.99 + overhead) + 2 * 0.00005, abs=1e-6)
    assert costs["usd_restore"] == pytest.approx(2.5 + 2 * 0.000025, abs=1e-6)
    assert (costs["objects"], costs["bytes"]) == (2, 10**12)


def test_each_object_costs_what_its_class_costs():
    costs = estimate_archive([(10**12, "GLACIER"), (1000, "STANDARD_IA")])
    month = (10**12 + 32_768) / 1e9 * 0.0036 + 8_192 / 1e9 * 0.023
    small = 128 * 1024 / 1e9 * 0.0125  # billed as if it had 128 KB
    assert costs["usd_month"] == pytest.approx(month + small, abs=1e-6)
    assert costs["usd_least"] == pytest.approx(3 * month + 0.00003 + small + 0.00001, abs=1e-6)
    assert costs["usd_restore"] == pytest.approx(1000 / 1e9 * 0.01, abs=1e-6)  # Bulk of GLACIER is free


def test_many_empty_objects_cost_their_overhead():
    costs = estimate_archive([(0, "DEEP_ARCHIVE")] * 100_000)
    assert costs["usd_least"] == pytest.approx(5 + 6 * (3.2768 * 0.00099 + 0.8192 * 0.023), abs=1e-4)


def test_the_report_and_the_record_have_them(world, novaseq):
    world.drop_all(novaseq)
    world.wait(60)
    costs = [part["archive"] for part in world.report()["parts"]]
    assert sum(part["objects"] for part in costs) == len(world.account.s3.buckets["archive"].keys)
    assert float(world.run().usd_least) == pytest.approx(sum(part["usd_least"] for part in costs), abs=1e-4)
