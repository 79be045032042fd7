"""Where a file of the archive is, by its receipt."""

from __future__ import annotations

import pytest
from seqdrop.archive.location import locate
from seqdrop.archive.storage_classes import CLASSES, TIERS, monthly_usd, restore_usd, storage_class

LANDING = {"sha256": "ab" * 32}
COPY = {"bucket": "archive", "key": "raw/a.fa/ID", "version_id": "v", "size": 5, "storage_class": "GLACIER"}


def test_an_object_is_read_whole():
    location = locate({"landing": LANDING, "archive": COPY})
    assert (location.key, location.version_id, location.storage_class) == ("raw/a.fa/ID", "v", "GLACIER")
    assert (location.is_bundled, location.range, location.object_size) == (False, "", 5)


@pytest.mark.parametrize(("size", "expected"), [(5, "bytes=512-516"), (1, "bytes=512-512"), (0, "")])
def test_a_file_of_a_bundle_is_a_range(size, expected):
    bundle = {"name": "a", "offset": 512, "size": 10240, "sha256": "cd" * 32, "index": "bundles/x.index.tsv"}
    location = locate({"landing": LANDING, "archive": {**COPY, "size": size, "bundle": bundle}})
    assert (location.is_bundled, location.range, location.object_size) == (True, expected, 10240)


def test_receipts_of_earlier_versions_are_in_deep_archive_without_versions():
    copy = {name: value for name, value in COPY.items() if name != "storage_class"} | {"version_id": None}
    location = locate({"landing": LANDING, "archive": copy})
    assert (location.storage_class, location.version_id) == ("DEEP_ARCHIVE", "")


def test_a_month_of_deep_archive_bills_the_overhead_of_each_object():
    assert monthly_usd("", 10**9) == pytest.approx(0.00099 + 32768e-9 * 0.00099 + 8192e-9 * 0.023)
    assert monthly_usd("STANDARD_IA", 1) == pytest.approx(131072e-9 * 0.0125)


def test_a_restore_bills_bytes_and_objects():
    assert restore_usd("DEEP_ARCHIVE", "Bulk", 10**9, 1000) == pytest.approx(0.0025 + 0.025)
    assert restore_usd("GLACIER_IR", "Bulk", 10**9, 1000) == pytest.approx(0.03)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_read_at_once_or_has_both_tiers(name):
    assert tuple(storage_class(name).tiers) in ((), TIERS)
