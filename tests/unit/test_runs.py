"""What a key says of its run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs import run_of

PARTS = st.text(alphabet="ab.+ é%", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("key", "run"),
    [
        ("reads/run7/S1.fastq", "reads/run7/"),
        ("reads/run7/Data/L001/S1.fastq", "reads/run7/"),
        ("reads/S1.fastq", ""),
        ("reads//S1.fastq", "reads//"),
        ("elsewhere/run7/S1.fastq", ""),
    ],
)
def test_the_first_folder_below_the_prefix_stands_for_the_run(key, run):
    assert run_of(key, "reads/") == run


@given(st.lists(PARTS, min_size=2))
def test_files_of_one_folder_are_of_one_run_however_deep(parts):
    key = "raw/" + "/".join(parts)
    assert run_of(key, "raw/") == f"raw/{parts[0]}/"
    assert key.startswith(run_of(key, "raw/"))
