"""The day of sequencing is in the names of run folders."""

import pytest
from seqdrop.catalogue.subjects import sequenced_on


@pytest.mark.parametrize(
    ("folder", "day"),
    [
        ("20260105_LH00999_0012_A22ABCDLT4", "2026-01-05"),
        ("260105_M00123_0001_000000000-ABCDE", "2026-01-05"),
        ("20260105_1130_MN12345_FAA12345_abcdef12", "2026-01-05"),
        ("m84028_230214_023007_s1", "2023-02-14"),
        ("r84028_20230214_023007", "2023-02-14"),
        ("991399_x", None),
        ("123456789_x", None),
        ("run7", None),
        ("", None),
    ],
)
def test_the_day_in_a_name(folder, day):
    assert sequenced_on(folder) == day
