"""Lists of files that instruments write: PacBio's .transferdone and the names of Illumina's Manifest.tsv."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.files import RunFileError
from seqdrop.runs.final_summaries import parse_counts
from seqdrop.runs.transfer_lists import parse_manifest_names, parse_transfer_list

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1)
PATHS = st.lists(st.tuples(NAMES, NAMES).map("/".join), max_size=8)
END = st.sampled_from(["\n", "\r\n"])


@given(paths=PATHS, end=END)
def test_a_transfer_list_has_the_paths_below_the_cell(paths, end):
    lines = [f"Transfer Manifest nfiles: {len(paths)}", f"AcqId 0 transfer list size : {len(paths)}"]
    body = end.join([*lines, *(f"/data/icc/m1_2_s1/{path}" for path in paths)]).encode()
    assert parse_transfer_list(body, "x") == paths
    if paths:
        with pytest.raises(RunFileError, match="x: it lists"):
            parse_transfer_list(body.rpartition(b"\n")[0], "x")


@pytest.mark.parametrize("body", [b"", b"/data/icc/m/s/f", b"Transfer Manifest nfiles: many", b"nfiles: \xb2", b"\xff"])
def test_a_transfer_list_that_does_not_say_its_length_is_an_error(body):
    with pytest.raises(RunFileError):
        parse_transfer_list(body, "x")


@given(paths=PATHS.filter(bool), end=END, last=st.booleans())
def test_a_manifest_has_a_path_a_tab_and_a_checksum_in_each_line(paths, end, last):
    body = end.join(f"{path}\tdeadbeef" for path in paths) + (end if last else "")
    assert parse_manifest_names(body.encode(), "x") == paths


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a\tdeadbeef\nb\n", "x, line 2: "),
        (b"a\tdeadbeef\nb\t\n", "x, line 2: "),
        (b"\tdeadbeef\n", "x, line 1: "),
        (b"\n\n", "x: it lists no files"),
        (b"\xff\tdeadbeef", "x: it is not UTF-8"),
    ],
)
def test_a_manifest_that_was_cut_is_an_error_with_its_line(body, message):
    with pytest.raises(RunFileError, match=message):
        parse_manifest_names(body, "x")


def test_final_summaries_count_what_they_say_and_nothing_else():
    body = (
        b"flow_cell_id=FAP48412\r\nfast5_files_in_final_dest=685\r\nfast5_files_in_fallback=3\r\n"
        b"fastq_files_in_final_dest=685\nfastq_files_in_fallback=0\npod5_files_in_final_dest=x\n"
        b"bam_files_in_final_dest=\xb2\nother_files_in_final_dest=9\n"
    )
    here, elsewhere = parse_counts(body)
    assert (here, elsewhere) == ({"fast5": 685, "fastq": 685}, {"fast5": 3, "fastq": 0})


@given(st.binary(max_size=80))
def test_no_final_summary_is_an_error(body):
    parse_counts(body)
