"""What is reported about the versions of one key, and what a person should do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.archive.findings import ADVICE, KINDS, judge_copy, make_orphan
from seqdrop.archive.inventory import Entry
from seqdrop.archive.location import Location

COPY = Location("archive", "runs/a", "v1", "DEEP_ARCHIVE", 10, 0, 10, "0" * 64)
GOOD = Entry("runs/a", "v1", True, False, 10, 0, "DEEP_ARCHIVE", "e")
OLDER = GOOD._replace(is_latest=False)
NEWER = GOOD._replace(version_id="v2")
MARKER = Entry("runs/a", "v3", True, True, 0, 0, "", "")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([GOOD], []),
        ([], [("phantom", "missing", "v1")]),
        ([OLDER, MARKER], [("mismatch", "hidden", "v1")]),
        ([MARKER], [("phantom", "missing", "v1"), ("orphan", "marker", "v3")]),
        ([OLDER, NEWER], [("mismatch", "replaced", "v1")]),
        ([NEWER], [("mismatch", "version", "v1")]),
        ([GOOD._replace(size=9)], [("mismatch", "size", "v1")]),
        ([GOOD._replace(storage_class="GLACIER")], [("mismatch", "storage_class", "v1")]),
        ([GOOD, NEWER._replace(is_latest=False)], [("orphan", "older_version", "v2")]),
    ],
    ids=["good", "gone", "hidden", "marker-only", "replaced", "version", "size", "class", "older"],
)
def test_each_difference_has_a_finding(entries, expected):
    findings = judge_copy(COPY, ["U"], entries)
    assert [(finding.kind, finding.problem, finding.version_id) for finding in findings] == expected


def test_a_bucket_without_versions_agrees():
    copy = Location("archive", "runs/a", "", "DEEP_ARCHIVE", 10, 0, 10, "")
    assert judge_copy(copy, ["U"], [GOOD._replace(version_id="")]) == []


def test_a_bundle_names_some_of_its_files_and_counts_all():
    (finding,) = judge_copy(COPY, [f"U{number}" for number in range(400)], [])
    assert (finding.files, len(finding.uploads)) == (400, 10)


@given(
    st.lists(
        st.builds(
            Entry,
            st.just("runs/a"),
            st.sampled_from(["v1", "v2", "v3"]),
            st.booleans(),
            st.booleans(),
            st.sampled_from([9, 10]),
            st.just(0),
            st.sampled_from(["DEEP_ARCHIVE", "GLACIER"]),
            st.just("e"),
        ),
        unique_by=lambda entry: entry.version_id,
    )
)
def test_only_a_copy_that_is_there_alone_and_whole_has_no_finding(entries):
    findings = judge_copy(COPY, ["U"], entries)
    assert (not findings) == (entries == [GOOD])
    assert all(finding.kind in KINDS and finding.advice for finding in findings)


def test_every_problem_has_advice_and_a_command():
    assert make_orphan(NEWER).as_json("archive")["to_look"] == (
        "aws s3api list-object-versions --bucket archive --prefix runs/a"
    )
    assert {make_orphan(entry).problem for entry in (NEWER, OLDER, MARKER)} == {"stray", "older_version", "marker"}
    assert all(text.endswith((".", "one.")) for text in ADVICE.values())
