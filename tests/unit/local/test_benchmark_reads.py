"""The rows of benchmarks/reads.py: a ratio to isal, or a dash if isal's time cannot be measured or is absent."""

from __future__ import annotations

import pytest

from benchmarks.reads import print_rows


def test_rows_are_sorted_by_time_with_the_ratio_to_isal(capsys):
    print_rows({"seqdrop kernel": (0.75, 56), "isal": (0.5, 13)})
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["isal", "0.50", "s", "user", "1.00", "x", "isal", "13", "MB", "peak"],
        ["seqdrop", "kernel", "0.75", "s", "user", "1.50", "x", "isal", "56", "MB", "peak"],
    ]
    assert err == ""


@pytest.mark.parametrize("seconds", [0.0, -0.01])
def test_a_file_that_is_too_small_has_no_ratios(capsys, seconds):
    """On 2,000 reads isal needs no more time than on four, and noise may make the difference negative."""
    print_rows({"isal": (seconds, 13), "seqdrop kernel": (0.02, 56)})
    out, err = capsys.readouterr()
    assert [line.split()[-6:-3] for line in out.splitlines()] == [["-", "x", "isal"]] * 2
    assert "use more --reads" in err


def test_sides_without_isal_have_no_ratios(capsys):
    print_rows({"seqdrop kernel": (0.75, 56)})
    out, err = capsys.readouterr()
    assert "     - x isal" in out
    assert err == ""
