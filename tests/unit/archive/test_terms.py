"""When a copy can be deleted without a charge, what it costs until then, and the schema of receipts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.archive.storage_classes import CLASSES, monthly_usd
from seqdrop.archive.terms import early_deletion_usd, free_to_delete_from, price_copy

from tests.support.receipts import check_receipt
from tests.unit.test_stored_before import OBJECTS, list_keys

times = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def test_the_first_free_day_is_the_first_whole_day_after_the_minimum():
    assert free_to_delete_from("DEEP_ARCHIVE", "2026-01-01T10:00:00.000Z") == date(2026, 7, 1)
    assert free_to_delete_from("DEEP_ARCHIVE", "2026-01-01T00:00:00.000Z") == date(2026, 6, 30)
    assert free_to_delete_from("", "2026-01-01T10:00:00.000Z") == date(2026, 7, 1), "records of earlier versions"
    assert free_to_delete_from("STANDARD_IA", "2026-01-01T10:00:00.000Z") == date(2026, 2, 1)


@given(st.sampled_from(sorted(CLASSES)), times)
def test_nothing_is_charged_from_that_day_on_and_something_the_day_before(name, archived):
    free = datetime.combine(free_to_delete_from(name, archived.isoformat()), datetime.min.time(), UTC)
    assert early_deletion_usd(name, 10**12, archived.isoformat(), free) == 0
    assert early_deletion_usd(name, 10**12, archived.isoformat(), free - timedelta(days=1)) > 0


def test_a_deletion_at_once_costs_the_price_of_the_minimum_days():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    usd = early_deletion_usd("DEEP_ARCHIVE", 10**12, now.isoformat(), now)
    assert usd == pytest.approx(1000 * 0.00099 * 180 / (365.25 / 12), rel=1e-6)


def test_a_file_in_a_bundle_costs_its_share():
    bundle = {"name": "a", "offset": 512, "size": 10**8, "sha256": "0" * 64, "index": "i"}
    copy = {"size": 10**6, "storage_class": "DEEP_ARCHIVE", "bucket": "b", "key": "k", "version_id": "v"}
    assert price_copy(copy)["usd_per_month"] == pytest.approx(monthly_usd("DEEP_ARCHIVE", 10**6), abs=1e-9)
    share = price_copy(copy | {"bundle": bundle})["usd_per_month"]
    assert share == pytest.approx(monthly_usd("DEEP_ARCHIVE", 10**8) / 100, abs=1e-9)
    assert share < price_copy(copy)["usd_per_month"]


@pytest.mark.parametrize("key", list_keys("results/receipts/"))
def test_receipts_of_earlier_versions_fit_the_schema(key):
    check_receipt(OBJECTS[key])
    with pytest.raises(AssertionError, match="lineage"):
        check_receipt(OBJECTS[key] | {"receipt_version": 2})


@pytest.mark.parametrize("field", ["upload", "landing", "archive", "verified_at", "restore"])
def test_a_receipt_without_a_field_does_not_fit_the_schema(field):
    receipt = OBJECTS[list_keys("results/receipts/")[0]]
    with pytest.raises(AssertionError, match=field):
        check_receipt({name: value for name, value in receipt.items() if name != field})
